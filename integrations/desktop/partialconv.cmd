@echo off
rem Fills photos that have a picture of their holes beside them, and repairs the others.
set failed=
:next
if "%~1"=="" goto end
if exist "%~dpn1-holes.png" (
    partialconv fill "%~1" "%~dpn1-holes.png" || set failed=1
) else (
    partialconv repair "%~1" || set failed=1
)
shift
goto next
:end
if defined failed pause

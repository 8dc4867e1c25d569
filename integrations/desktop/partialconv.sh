#!/bin/sh
# Fills photos that have a picture of their holes beside them, and repairs the others. Photos are the arguments.
PATH="$PATH:$HOME/.local/bin:/usr/local/bin:/opt/homebrew/bin"
failed=""
for photo in "$@"; do
    holes="${photo%.*}-holes.png"
    if [ -f "$holes" ]; then
        said=$(partialconv fill "$photo" "$holes" 2>&1)
    else
        said=$(partialconv repair "$photo" 2>&1)
    fi || failed="$failed$said
"
done
[ -z "$failed" ] && exit 0
printf '%s' "$failed" >&2
if command -v notify-send > /dev/null; then
    notify-send "partialconv" "$failed"
elif command -v osascript > /dev/null; then
    osascript -e 'on run lines' -e 'display alert "partialconv" message (item 1 of lines)' -e 'end run' "$failed"
fi
exit 1

"""The command that fills clips; what it needs is imported inside it."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from partialconv.cli.flags import takes_options
from partialconv.cli.terminal import Overwrite, bar
from partialconv.errors import InputError
from partialconv.filling import FillOptions


@takes_options("model", "hole_color", "grow_px", "strict", "grain", "copy", "runtime", "device", "precision")
def video(
    clip: Annotated[Path, typer.Argument(help="The clip: MP4, MOV, MKV, WebM, AVI and others.", show_default=False)],
    holes: Annotated[
        Path | None,
        typer.Argument(help="A picture of the size of its frames; white = fill, in every frame.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The clip to write; its suffix chooses the format.", show_default=False),
    ] = None,
    frame: Annotated[
        Path | None, typer.Option(help="Write a frame as a .png file to draw the hole over, and stop.")
    ] = None,
    quality: Annotated[
        Literal["high", "medium", "small"], typer.Option(help="Of the video, which is coded anew.")
    ] = "high",
    overwrite: Overwrite = False,
    *,
    options: FillOptions,
) -> None:
    """Fill the same hole in every frame of a clip: a logo, a time code, dust on the sensor.

    After an interruption, the same command goes on.
    """
    from partialconv.imageio import check_destination
    from partialconv.video import fill_video, save_frame

    if frame is not None:
        check_destination(frame, overwrite, (".png",))
        save_frame(clip, frame, overwrite)
        print(f"{clip}: {frame}")
        return
    if holes is None or output is None:
        raise InputError("video needs a picture of the hole, and a clip to write: CLIP HOLES -o OUT.")
    with bar("filling") as advance:
        try:
            done = fill_video(
                clip,
                holes,
                output,
                quality=quality,
                options=options,
                overwrite=overwrite,
                tell=lambda step, number, total: advance(number, total or None, step),
            )
        except KeyboardInterrupt:
            print("partialconv: stopped; nothing was written. The same command goes on.", file=sys.stderr)
            sys.exit(130)
    for remark in done.remarks:
        print(f"partialconv: warning: {remark}.", file=sys.stderr)
    again = f" ({done.num_kept} of them before)" if done.num_kept else ""
    print(
        f"{clip}: filled {done.hole_ratio:.2%} of {done.size[1]}x{done.size[0]} pixels in {done.num_frames} frames"
        f"{again}, coded as {done.codec}: {output}"
    )

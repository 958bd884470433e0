"""A process of its own that sets one paper: a template with its data on stdin, the bytes of the PDF on stdout.

Typst keeps what it has laid out for the next time, and a village's cards are half a gigabyte of that; here it goes when
the paper is made. Run by typesetting.py as a file, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys

import typst


def main() -> None:
    told = json.load(sys.stdin.buffer)
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=told["folders"])
    try:
        # A day in the file would make equal papers differ; the paper itself says when it was issued.
        pdf = typst.compile(
            told["template"].encode(),
            font_paths=fonts,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(told["data"], ensure_ascii=False)},
            timestamp=0,
            pdf_tags=False,
        )
    except typst.TypstError as error:
        sys.exit(error.message)
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()

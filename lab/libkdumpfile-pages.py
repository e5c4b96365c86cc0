"""libkdumpfile-pages.py DUMP PAGE_SIZE LIST: what libkdumpfile reads from a dump, page by page.

LIST is a file with one page frame number a line, decimal. For each, in that order, one line:
    PFN SHA256      the page's content, hashed
    PFN - REASON    the page cannot be read: excluded, not in the dump, or damaged

Run by the Python of drgn's package. drgn reads kdump files through libkdumpfile; the variable makes it do the same
for ELF (drgn, docs/advanced_usage.rst). No debuginfo is needed for physical addresses.
"""

import hashlib
import os
import sys

os.environ["DRGN_USE_LIBKDUMPFILE_FOR_ELF"] = "1"

import drgn  # noqa: E402  (reads the variable)


def main(dump, page_size, page_list):
    program = drgn.Program()
    program.set_core_dump(dump)
    size = int(page_size)
    lines = []
    with open(page_list) as numbers:
        for number in map(int, numbers):
            try:
                page = program.read(number * size, size, True)
            except Exception as error:  # Every way to fail is an answer here.
                reason = " ".join(str(error).split())
                lines.append(f"{number} - {reason}")
            else:
                lines.append(f"{number} {hashlib.sha256(page).hexdigest()}")
    sys.stdout.write("\n".join(lines) + "\n" if lines else "")


main(*sys.argv[1:])

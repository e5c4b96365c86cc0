"""c-codecs.py compress|decompress lzo|snappy PAGE_SIZE IN OUT: pages through liblzo2 or libsnappy, the C libraries.

compress: IN holds whole pages; OUT gets, for each, its compressed size (u32, little endian) and the compressed bytes.
decompress: the reverse. Ends with 1 at data that the library refuses or that is no whole page.

Functions: lzo1x_1_compress and lzo1x_decompress_safe, which makedumpfile calls (makedumpfile.c 1.7.8), with 64 KiB of
work memory times the size of a pointer; snappy_compress and snappy_uncompress of snappy-c.h.
"""

import ctypes
import struct
import sys

SIZE = ctypes.c_size_t


def library(name):
    if name == "lzo":
        lzo = ctypes.CDLL("liblzo2.so.2")
        work = ctypes.create_string_buffer(65536 * ctypes.sizeof(ctypes.c_void_p))

        def compress(page, out, length):
            return lzo.lzo1x_1_compress(page, SIZE(len(page)), out, ctypes.byref(length), work)

        def decompress(data, out, length):
            return lzo.lzo1x_decompress_safe(data, SIZE(len(data)), out, ctypes.byref(length), None)

        return compress, decompress
    snappy = ctypes.CDLL("libsnappy.so.1")

    def compress(page, out, length):
        return snappy.snappy_compress(page, SIZE(len(page)), out, ctypes.byref(length))

    def decompress(data, out, length):
        return snappy.snappy_uncompress(data, SIZE(len(data)), out, ctypes.byref(length))

    return compress, decompress


def main(direction, name, page_size, in_path, out_path):
    page_size = int(page_size)
    compress, decompress = library(name)
    room = 2 * page_size + 1024
    out = ctypes.create_string_buffer(room)
    with open(in_path, "rb") as source, open(out_path, "wb") as target:
        if direction == "compress":
            while page := source.read(page_size):
                length = SIZE(room)
                if compress(page, out, length) != 0:
                    sys.exit(f"{name} does not compress a page")
                target.write(struct.pack("<I", length.value) + out.raw[: length.value])
        else:
            while head := source.read(4):
                length = SIZE(page_size)
                data = source.read(struct.unpack("<I", head)[0])
                if decompress(data, out, length) != 0 or length.value != page_size:
                    sys.exit(f"{name} refuses a page of {len(data)} bytes")
                target.write(out.raw[: length.value])


main(*sys.argv[1:])

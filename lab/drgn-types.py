"""drgn-types.py DUMP VMLINUX NAME...: what drgn (0.3), with DWARF, says of structures, as JSON: {NAME: {"size", "members": {NAME: OFFSET}}}.

Members of unnamed structures and unions are members of what they are in; offsets are bytes. Bit fields are left out.
"""

import json
import sys

import drgn

prog = drgn.Program()
prog.set_core_dump(sys.argv[1])
prog.load_debug_info([sys.argv[2]])


def members(type, base=0):
    for member in type.members:
        if member.name is None:
            inner = member.type
            while inner.kind == drgn.TypeKind.TYPEDEF:
                inner = inner.type
            yield from members(inner, base + member.offset)
        elif member.bit_field_size is None:
            yield member.name, base + member.offset


print(
    json.dumps(
        {
            name: {"size": drgn.sizeof(prog.type("struct " + name)), "members": dict(members(prog.type("struct " + name)))}
            for name in sys.argv[3:]
        }
    )
)

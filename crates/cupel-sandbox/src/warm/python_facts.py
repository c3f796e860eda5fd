# Prints the observable initial state of an interpreter. The first line is the minor version. The second line is
# everything else, beginning with the full version. A lane runs this program cold and warm. If the outputs differ, the
# lane starts no programs warm.

import sys

print(sys.version_info[1])
print(repr((
    sys.version,
    tuple(sys.flags),
    sys.executable,
    sys._base_executable,
    (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, sys.platlibdir),
    sys.path,
    list(sys.modules),
    sorted(sys.path_importer_cache),
    [str(each if isinstance(each, type) else type(each)) for each in sys.meta_path],
    [str(type(each)) for each in sys.path_hooks],
    [
        (each.name, each.mode, each.encoding, each.errors, each.line_buffering, each.write_through, each.newlines,
         type(each.buffer).__name__, each.seekable())
        for each in (sys.stdin, sys.stdout, sys.stderr)
    ],
    (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.getdefaultencoding()),
    (sys.warnoptions, sys._xoptions, sys.dont_write_bytecode, sys.pycache_prefix),
    (sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits()),
    (sys.hash_info, sys.int_info, sys.float_info, sys.thread_info),
    sys.builtin_module_names,
    sorted(vars(sys)),
    sorted(vars(sys.modules["builtins"])),
    sorted(sys.modules["os"].environ.items()),
    sorted(sys.modules["__main__"].__dict__.keys() - {"sys"}),
)))

# Runs once in a warm parent, in a namespace without a name. (A program can find the namespace through the finders. A
# change to the namespace affects only that program.) This file defines functions: begin() is called before a program,
# threads() and is_quiet() after it; see python.rs.
#
# Invariant: when begin() returns, everything that a program can observe by ordinary means is the same as when
# `python3 FILE` begins: sys.modules, sys.path, sys.meta_path, the import caches, the attributes of modules.

import sys

baseline = dict(sys.modules)
caches = list(sys.path_importer_cache)
finders = list(sys.meta_path)
attributes = {name: set(vars(module)) for name, module in baseline.items() if hasattr(module, "__path__")}

import _thread
import atexit
import builtins
import gc
import posix
from _weakref import ref as Reference


# Modules that programs often import. They are loaded here and hidden until a program imports them.
PRELOADED = (
    "json re collections heapq itertools functools math random bisect string typing dataclasses datetime decimal fractions"
).split()

Loader = sys.modules["_frozen_importlib_external"].SourceFileLoader
FileFinder = sys.modules["_frozen_importlib_external"].FileFinder
needs = {}    # module -> names of the modules it imported, itself last
held = {}     # name -> module, in the order in which they were completed


def preload():
    genuine = builtins.__import__
    importing = []

    def recording(name, globals=None, locals=None, fromlist=(), level=0):
        importing.append(name)
        try:
            result = genuine(name, globals, locals, fromlist, level)
        finally:
            importing.pop()
        if globals is not None and "__name__" in globals:
            if level:
                package = globals.get("__package__") or ""
                package = package.rsplit(".", level - 1)[0] if level > 1 else package
                name = f"{package}.{name}" if name else package
            importer = globals["__name__"]
            # The import system is recorded as the importer of modules that a C module imports.
            if importer == "importlib._bootstrap" and importing:
                importer = importing[-1]
            wanted = needs.setdefault(importer, [])
            parts = name.split(".")
            wanted.extend(".".join(parts[: n + 1]) for n in range(len(parts)))
            wanted.extend(f"{name}.{item}" for item in fromlist or () if f"{name}.{item}" in sys.modules)
        return result

    builtins.__import__ = recording
    try:
        for name in PRELOADED:
            genuine(name)
    finally:
        builtins.__import__ = genuine
    for name, module in sys.modules.items():
        if name not in baseline:
            held[name] = module
            # If the object is an alias of a module or not a module, its parent created it.
            if getattr(getattr(module, "__spec__", None), "name", None) != name:
                needs.setdefault(name.rpartition(".")[0], []).append(name)


def closure(name):
    """The names of the modules that importing only `name` loads, in the order in which they are completed."""
    found, order = set(), []

    def visit(each):
        if each in held and each not in found:
            found.add(each)
            for need in needs.get(each, ()):
                visit(need)
            order.append(each)

    visit(name)
    return order


class Offer:
    """A preloaded module, which a finder of the import system returns once instead of loading the module."""

    def __init__(self, name, finder, library):
        self.name, self.module, self.closure = name, held[name], closure(name)
        self.finder, self.library = finder, library
        self.tops = {each.partition(".")[0] for each in self.closure}

    def is_open(self):
        """Whether an ordinary import by the program would result in the same modules."""
        if sys.meta_path != finders:
            return False
        for entry in sys.path:
            if entry == self.library:
                break
            if sys.path_importer_cache.get(entry, self) is None:
                continue
            # An archive, or another entry with a special finder, may contain any of the modules.
            if type(sys.path_importer_cache.get(entry)) is not FileFinder:
                return False
            try:
                names = posix.listdir(entry or ".")
            except OSError:
                continue
            if any(each.partition(".")[0] in self.tops for each in names):
                return False
        else:
            return False
        for each in self.closure:
            known = sys.modules.get(each)
            if known is not None and known is not held[each] and each not in sys.builtin_module_names:
                return False
        return True

    def spec(self):
        spec = self.module.__spec__
        spec.loader.create_module = self.create
        spec.loader.exec_module = self.execute
        return spec

    def create(self, spec):
        return self.module

    def execute(self, module):
        for each in self.closure:
            withdraw(each)
            if each != self.name:
                sys.modules.setdefault(each, held[each])
        for each in self.closure:
            parent, _, child = each.rpartition(".")
            if parent and child not in vars(sys.modules[parent]):
                setattr(sys.modules[parent], child, held[each])
            for path in getattr(held[each], "__path__", ()):
                if path in kept_caches:
                    sys.path_importer_cache.setdefault(path, kept_caches[path])


offers = {}
kept_caches = {}


def withdraw(name):
    if offers.pop(name, None) is not None:
        loader = held[name].__spec__.loader
        loader.__dict__.pop("create_module", None)
        loader.__dict__.pop("exec_module", None)


def install():
    """Makes the finders of the library's directories offer the preloaded modules."""
    overridden = []
    for name, module in held.items():
        spec = getattr(module, "__spec__", None)
        if spec is None or spec.name != name or type(spec.loader) is not Loader:
            continue
        folder = spec.origin.removesuffix("/__init__.py").rpartition("/")[0]
        finder = sys.path_importer_cache.get(folder)
        library = folder
        for _ in range(name.count(".")):
            library = library.rpartition("/")[0]
        if finder is not None and library in caches:
            offers[name] = Offer(name, finder, library)
            if finder not in overridden:
                overridden.append(finder)
                override(finder, offers)


def override(finder, offers):
    genuine = finder.find_spec

    # This function outlives the namespace, so it must not use a name from the namespace unless there is an offer.
    def find_spec(fullname, target=None):
        offer = offers.get(fullname)
        if offer is None or offer.finder is not finder or target is not None or not offer.is_open():
            return genuine(fullname, target)
        return offer.spec()

    finder.find_spec = find_spec


def hide():
    """Hides all traces of preloading."""
    for name in [name for name in sys.modules if name not in baseline]:
        del sys.modules[name]
    for name in held:
        parent, _, child = name.rpartition(".")
        if parent in attributes and child not in attributes[parent]:
            delattr(baseline[parent], child)
        elif parent in held and name not in closure(parent):
            # A submodule that the package itself does not import.
            delattr(held[parent], child)
    for path in [path for path in sys.path_importer_cache if path not in caches]:
        kept_caches[path] = sys.path_importer_cache.pop(path)


preload()
install()
hide()
streams = (sys.stdin, sys.stdout, sys.stderr)
main = sys.modules["__main__"].__dict__
environment = sys.modules["os"].environ
run_exit_functions, unfreeze, trace, profile = atexit._run_exitfuncs, gc.unfreeze, sys.gettrace, sys.getprofile
bases_of, members_of = type.__dict__["__mro__"].__get__, type.__dict__["__dict__"].__get__
objects_of = gc.get_objects
flags_of, callback_of = type.__dict__["__flags__"].__get__, Reference.__dict__["__callback__"].__get__
# The first mark is frozen, the second one is not. gc.get_objects() returns only objects that are not frozen. So it
# returns another set of marks if the program froze or unfroze objects. (Counting the frozen objects would visit each of
# them.)
marks = [[None], None]
gc.collect()
gc.freeze()


def begin(argv, names, values, directory, filename):
    """Sets the state of one program: its arguments, its environment, its directory and file name."""
    sys.orig_argv = argv
    sys.argv = argv[1:]
    if names is not None:
        own = {}
        for name, value in zip(names, values):
            own.setdefault(name, value)
        for environ in (posix.environ, environment._data):
            environ.clear()
            environ.update(own)
    sys.path.insert(0, directory)
    # The interpreter sets this entry when it checks whether it can import from the file.
    sys.path_importer_cache[filename] = None
    main["__file__"] = filename
    main["__cached__"] = None
    main["__loader__"] = Loader("__main__", filename)
    gc.freeze()
    marks[1] = [None]


def threads():
    """How to wait for the program's threads: a function, None if there are none, False if a full finalisation is
    needed."""
    if _thread._count():
        return False
    threading = sys.modules.get("threading")
    return None if threading is None else threading._shutdown


def has_finaliser(kind):
    return any("__del__" in members_of(base) for base in bases_of(kind))


def is_one_of(kind, wanted):
    return any(base is wanted for base in bases_of(kind))


def is_quiet():
    """Flushes and returns True if no object that the program left could notice the end of the interpreter: no object
    with a finaliser (files, sockets, suspended generators and tasks have one), and no weak reference with a callback.

    No code of the program may run here, so this uses no operation that a class could override."""
    if sys.stdin is not streams[0] or sys.stdout is not streams[1] or sys.stderr is not streams[2]:
        return False
    if _thread._count() or b"PYTHONINSPECT" in environment._data:
        return False
    objects = objects_of()
    if [id(each) for each in objects if each is marks[0] or each is marks[1]] != [id(marks[1])]:
        return False
    for kind in {id(kind): kind for kind in map(type, objects)}.values():
        if has_finaliser(kind):
            return False
        if is_one_of(kind, type):
            # Instances without the collector's header (1 << 14 of __flags__) are not in `objects`, but their classes
            # are.
            for each in objects:
                if is_one_of(type(each), type) and not flags_of(each) & 1 << 14 and has_finaliser(each):
                    return False
        elif is_one_of(kind, Reference):
            # Abstract classes keep references to their subclasses, and these references have a callback written in C.
            for each in objects:
                if is_one_of(type(each), Reference):
                    callback = callback_of(each)
                    if callback is not None and type(callback) is not type(len):
                        return False
                    if callback is not None and callback.__name__ != "_destroy":
                        return False
    try:
        for stream in streams[1:]:
            if not stream.closed:
                stream.flush()
    except BaseException:
        return False
    return True

"""Cupel's driver: calls the function or class of solution.py, and writes the result to descriptor 3.

The source is the same for every problem. Standard input: a line with the nonce, a line with the signature, then the values. With the
argument `--cupel-batch`: a line with the signature, then the tests, each of which arrives after the answer to the previous one; see batch.rs.
"""
import os
import sys

RESULT = 3
NODES_MAX = 1_000_000


class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next


class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right


class Wrong(Exception):
    """The result is not a value of the declared type."""


class Missing(Exception):
    """The submission does not have the function or class to call."""


WORDS = {
    "int": int,
    "int32": int,
    "float": float,
    "bool": lambda word: word == b"1",
}
BOUNDS = {"int": (-(1 << 63), (1 << 63) - 1), "int32": (-(1 << 31), (1 << 31) - 1)}


def parse(text):
    name, _, inner = text.partition("<")
    if not inner:
        return name, None
    inner = inner[:-1]
    return name, parse(inner[len("string,"):] if name == "map" else inner)


def shown(kind):
    name, inner = kind
    if inner is None:
        return name
    return "map<string,%s>" % shown(inner) if name == "map" else "%s<%s>" % (name, shown(inner))


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def line(self):
        end = self.data.index(b"\n", self.at)
        line = self.data[self.at:end]
        self.at = end + 1
        return line

    def text(self):
        length = int(self.line())
        text = self.data[self.at:self.at + length]
        self.at += length + 1
        return text.decode()

    def value(self, kind):
        name, inner = kind
        if name in WORDS:
            return WORDS[name](self.line())
        if name in ("string", "char"):
            return self.text()
        if name == "optional":
            return self.value(inner) if self.line() == b"1" else None
        count = int(self.line())
        if name == "map":
            return {self.text(): self.value(inner) for _ in range(count)}
        if name == "TreeNode":
            return tree([self.value(("optional", inner)) for _ in range(count)])
        if inner[0] not in WORDS:
            items = [self.value(inner) for _ in range(count)]
        elif count:
            items = list(map(WORDS[inner[0]], self.line().split()))
        else:
            items = []
        return linked(items) if name == "ListNode" else items


def linked(items):
    node = None
    for item in reversed(items):
        node = ListNode(item, node)
    return node


def tree(places):
    if not places:
        return None
    root = TreeNode(places[0])
    parents, at = [root], 1
    for parent in parents:
        for side in ("left", "right"):
            if at < len(places) and places[at] is not None:
                node = TreeNode(places[at])
                setattr(parent, side, node)
                parents.append(node)
            at += 1
    return root


def described(value):
    """The type of a value, as written in a signature."""
    if value is None:
        return "nothing"
    names = {bool: "bool", int: "int", float: "float", str: "string", list: "list", tuple: "list", dict: "map"}
    for known, name in names.items():
        if isinstance(value, known):
            return name
    return type(value).__name__


def write(value, kind, whole, out):
    """Appends the value as lines."""
    name, inner = kind

    def refuse(what):
        raise Wrong("expected %s, got %s" % (whole, what))

    def place():
        return refuse(described(value) if kind_is_whole else "%s where %s stands" % (described(value), shown(kind)))

    kind_is_whole = shown(kind) == whole
    if name == "void":
        return
    if name in BOUNDS:
        if not isinstance(value, int) or isinstance(value, bool):
            place()
        if not BOUNDS[name][0] <= value <= BOUNDS[name][1]:
            refuse("a number that does not fit into %s" % name)
        out.append(b"%d\n" % value)
    elif name == "float":
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            place()
        try:
            out.append(b"%s\n" % repr(float(value)).encode())
        except OverflowError:
            refuse("a number that does not fit into float")
    elif name == "bool":
        if not isinstance(value, bool):
            place()
        out.append(b"1\n" if value else b"0\n")
    elif name in ("string", "char"):
        if not isinstance(value, str):
            place()
        if name == "char" and (len(value) != 1 or value > "\x7f"):
            refuse("a string that is not one ASCII character")
        try:
            text = value.encode()
        except UnicodeEncodeError:
            refuse("a string with half of a surrogate pair")
        out.append(b"%d\n%s\n" % (len(text), text))
    elif name == "optional":
        if value is None:
            out.append(b"0\n")
        else:
            out.append(b"1\n")
            write(value, inner, whole, out)
    elif name == "map":
        if not isinstance(value, dict):
            place()
        out.append(b"%d\n" % len(value))
        for key, item in value.items():
            write(key, ("string", None), whole, out)
            write(item, inner, whole, out)
    elif name == "TreeNode":
        if value is not None and not hasattr(value, "left"):
            place()
        places = level_order(value, refuse)
        out.append(b"%d\n" % len(places))
        for item in places:
            if item is None:
                out.append(b"0\n")
            else:
                out.append(b"1\n")
                write(item.val, inner, whole, out)
    else:
        if name == "ListNode":
            if value is not None and not hasattr(value, "next"):
                place()
            value = unlinked(value, refuse)
        elif not isinstance(value, (list, tuple)):
            place()
        out.append(b"%d\n" % len(value))
        if inner[0] == "int" and value and all(type(item) is int for item in value):
            if min(value) < BOUNDS["int"][0] or max(value) > BOUNDS["int"][1]:
                refuse("a number that does not fit into int")
            out.append(" ".join(map(str, value)).encode() + b"\n")
        else:
            for item in value:
                write(item, inner, whole, out)


def without(node, names):
    """What is wrong with a node that lacks one of these fields."""
    name = next((name for name in names if not hasattr(node, name)), names[0])
    return "%s without `%s` where a node stands" % (described(node), name)


def too_many(nodes, if_repeated, if_not):
    """The error for more nodes than a list or a tree may have, which may be the same nodes again and again."""
    return Wrong(if_repeated if len(set(map(id, nodes))) < len(nodes) else if_not)


def unlinked(node, refuse):
    nodes, values = [], []
    try:
        while node is not None:
            nodes.append(node)
            values.append(node.val)
            if len(nodes) > NODES_MAX:
                raise too_many(nodes, "the result has a cycle", "a list of the result is too long: more than %d nodes" % NODES_MAX)
            node = node.next
    except AttributeError:
        refuse(without(node, ("val", "next")))
    return values


def level_order(root, refuse):
    places, nodes = [root] if root is not None else [], 0
    for node in places:
        if node is None:
            continue
        nodes += 1
        if nodes > NODES_MAX:
            seen = [node for node in places if node is not None]
            cycle = "the result has a cycle, or a node with two parents"
            raise too_many(seen, cycle, "a tree of the result is too large: more than %d nodes" % NODES_MAX)
        try:
            node.val
            places += (node.left, node.right)
        except AttributeError:
            refuse(without(node, ("val", "left", "right")))
    while places and places[-1] is None:
        places.pop()
    return places


def check_arity(function, name, count, bound):
    code = getattr(function, "__code__", None)
    if code is None:
        return
    most = code.co_argcount - bound
    least = most - len(function.__defaults__ or ())
    takes_any = code.co_flags & 0x04
    if count < least or (count > most and not takes_any):
        takes = "%d" % most if least == most else "%d to %d" % (least, most)
        raise Missing("%s takes %s parameters; it is called with %d" % (name, takes, count))


def find_function(module, name, count):
    solution = getattr(module, "Solution", None)
    if isinstance(solution, type) and hasattr(solution, name):
        function = getattr(solution(), name)
        check_arity(getattr(function, "__func__", function), name, count, hasattr(function, "__self__"))
    else:
        function = getattr(module, name, None)
        if not callable(function):
            raise Missing("function %s not found" % name)
        check_arity(function, name, count, 0)
    return function


def find_class(module, name, count, methods):
    found = getattr(module, name, None)
    if not isinstance(found, type):
        raise Missing("class %s not found" % name)
    check_arity(found.__init__, name, count, 1)
    for method, _, kinds in methods:
        function = getattr(found, method, None)
        if not callable(function):
            raise Missing("method %s of class %s not found" % (method, name))
        is_static = isinstance(vars(found).get(method), staticmethod)
        check_arity(getattr(function, "__func__", function), method, len(kinds), 0 if is_static else 1)
    return found


class Batch:
    """The tests of a batch, which arrive on standard input one at a time."""

    def __init__(self):
        self.read, self.held = os.read, b""
        # Standard input is empty for the submission, as it is for a single test.
        self.descriptor = os.dup(0)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)

    def receive(self):
        data = self.read(self.descriptor, 1 << 16)
        self.held += data
        return bool(data)

    def line(self):
        """The next line; None at the end of the input."""
        while b"\n" not in self.held:
            if not self.receive():
                return None
        line, _, self.held = self.held.partition(b"\n")
        return line

    def take(self, length):
        while len(self.held) < length and self.receive():
            pass
        data, self.held = self.held[:length], self.held[length:]
        return data


def drive():
    write_out, leave = os.write, os._exit

    def send(data):
        data = memoryview(data)
        while data:
            data = data[write_out(RESULT, data):]

    def finish(word, rest, code=0):
        send(nonce + word + b"\n" + rest)
        end(code)

    def end(code):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        leave(code)

    def fail(error):
        import traceback
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        end(1)

    def read_method():
        name, returns = next(words), parse(next(words))
        return name, returns, [parse(next(words)) for _ in range(int(next(words)))]

    def next_test():
        line = batch.line()
        if line is None:
            end(0)
        word, length = line.split()
        return word, Reader(batch.take(int(length)))

    if sys.argv[1:] == ["--cupel-batch"]:
        del sys.argv[1:]
        batch = Batch()
        signature = batch.line().decode()
        nonce, reader = next_test()
    else:
        batch = None
        reader = Reader(sys.stdin.buffer.read())
        nonce = reader.line()
        signature = reader.line().decode()

    try:
        os.unlink(__file__)
    except OSError:
        pass
    path = os.path.abspath("solution.py")
    with open(path, "rb") as file:
        source = file.read()
    module = type(sys)("solution")
    module.__file__ = path
    module.ListNode, module.TreeNode = ListNode, TreeNode
    sys.modules["solution"] = module
    out = []
    try:
        exec(compile(source, path, "exec"), module.__dict__)
        if batch:
            send(nonce + b" ready\n")
        while True:
            words = iter(signature.split())
            if next(words) == "function":
                mutates = next(words)
                name, returns, kinds = read_method()
                function = find_function(module, name, len(kinds))
                arguments = [reader.value(kind) for kind in kinds]
                value = function(*arguments)
                if mutates != "-":
                    value, returns = arguments[int(mutates)], kinds[int(mutates)]
                write(value, returns, shown(returns), out)
            else:
                name = next(words)
                constructor = [parse(next(words)) for _ in range(int(next(words)))]
                methods = [read_method() for _ in range(int(next(words)))]
                found = find_class(module, name, len(constructor), methods)
                for _ in range(int(reader.line())):
                    callee = int(reader.line())
                    if callee == 0:
                        made = found(*[reader.value(kind) for kind in constructor])
                        continue
                    method, returns, kinds = methods[callee - 1]
                    value = getattr(made, method)(*[reader.value(kind) for kind in kinds])
                    write(value, returns, shown(returns), out)
            if not batch:
                break
            rest = b"".join(out)
            send(b"%s ok %d\n%s" % (nonce, len(rest), rest))
            out = []
            nonce, reader = next_test()
    except Wrong as error:
        finish(b" wrong", str(error).encode("utf-8", "replace"))
    except Missing as error:
        finish(b" missing", str(error).encode("utf-8", "replace"))
    except Exception as error:
        fail(error)
    finish(b" ok", b"".join(out))


drive()

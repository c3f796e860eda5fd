# Runs checkers and graders in Python that are written for DMOJ's classes. A checker reads the submission's output from a file; a grader is
# connected to the submission by its standard streams.
#
#   cupel_dmoj_2.py INPUT OUTPUT ANSWER OPTIONS
#
# Exit codes: 42 accepts, 43 rejects, 47 accepts and 48 rejects with the points in the file `feedback/points` beside INPUT and in the last
# line `points N` of standard error, of which the end may be lost, 3 is a fault of the package. If the checker or grader ends the process itself, the code is another one, which is also a fault.
#
# Beside INPUT, the file `facts` has lines `key value` about the submission and its run, and `source` is the submission's source. Without
# these files, the values are 0 or empty.
# Source: DMOJ's documentation, "Custom checkers" and "Custom graders", for the names and their meaning.
import importlib.util
import io
import itertools
import json
import os
import re
import sys
import traceback
import types


class InternalError(Exception):
    pass


class InvalidInitException(Exception):
    pass


class WrongAnswer(Exception):
    def __init__(self, feedback="", points=0):
        super().__init__(feedback)
        self.feedback, self.points = feedback, points


class PresentationError(WrongAnswer):
    pass


class CheckerResult:
    def __init__(self, passed, points, feedback=None, extended_feedback=None):
        self.passed, self.points = passed, points
        self.feedback, self.extended_feedback = feedback, extended_feedback


class Result:
    AC, WA, RTE, TLE, MLE, IR, SC, OLE, IE = 0, 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 30

    def __init__(self, case=None, result_flag=0, execution_time=0, wall_clock_time=0, max_memory=0, proc_output=b"",
                 feedback="", extended_feedback="", points=0, **_):
        self.case, self.result_flag, self.points = case, result_flag, points
        self.total_points = getattr(case, "points", 0)
        self.execution_time, self.wall_clock_time, self.max_memory = execution_time, wall_clock_time, max_memory
        self.context_switches, self.runtime_version = (0, 0), ""
        self.proc_output, self.feedback, self.extended_feedback = proc_output, feedback, extended_feedback

    @property
    def output(self):
        return utf8text(self.proc_output[:64], "replace")


class CompileError(Exception):
    pass


class OutputLimitExceeded(Exception):
    pass


def utf8bytes(text):
    if text is None or isinstance(text, bytes):
        return text
    return str(text).encode("utf-8")


def utf8text(data, errors="strict"):
    if data is None or isinstance(data, str):
        return data
    return data.decode("utf-8", errors)


def lines_of(data):
    return [line for line in (line.split() for line in utf8bytes(data).split(b"\n")) if line]


def standard(process_output, judge_output, **_):
    return lines_of(process_output) == lines_of(judge_output)


def identical(process_output, judge_output, **_):
    return utf8bytes(process_output) == utf8bytes(judge_output)


def rstripped(process_output, judge_output, **_):
    strip = lambda data: [line.rstrip() for line in utf8bytes(data).rstrip().split(b"\n")]
    return strip(process_output) == strip(judge_output)


def easy(process_output, judge_output, **_):
    characters = lambda data: sorted(b"".join(utf8bytes(data).lower().split()))
    return characters(process_output) == characters(judge_output)


def sorted_check(process_output, judge_output, split_on="lines", **_):
    split = (lambda data: utf8bytes(data).split()) if split_on == "whitespace" else lines_of
    return sorted(split(process_output)) == sorted(split(judge_output))


def unordered(process_output, judge_output, **_):
    return sorted_check(process_output, judge_output, split_on="whitespace")


def floats(process_output, judge_output, precision=6, error_mode="default", **_):
    epsilon = 10 ** -int(precision)
    got, expected = lines_of(process_output), lines_of(judge_output)
    if [len(line) for line in got] != [len(line) for line in expected]:
        return False
    for one, other in zip(itertools.chain.from_iterable(got), itertools.chain.from_iterable(expected)):
        try:
            wanted = float(other)
        except ValueError:
            if one != other:
                return False
            continue
        try:
            difference = abs(float(one) - wanted)
        except ValueError:
            return False
        absolute, relative = difference <= epsilon, difference <= epsilon * abs(wanted)
        right = {"absolute": absolute, "relative": relative}.get(error_mode, absolute or relative)
        if not right:
            return False
    return True


def linecount(process_output, judge_output, point_value=1, **_):
    got, expected = lines_of(process_output), lines_of(judge_output)
    if len(got) > len(expected) or not expected:
        return len(got) == len(expected)
    right = sum(one == other for one, other in zip(got, expected))
    return CheckerResult(right > 0, point_value * right / len(expected))


def linematches(process_output, judge_output, point_value=1, point_distribution=(1,), filler_lines_required=True, **_):
    """Each line of the answer has a weight; lines are compared byte by byte, and empty lines are ignored."""
    got, expected = (
        [line for line in re.split(rb"[\r\n]", utf8bytes(data)) if line] for data in (process_output, judge_output)
    )
    total = sum(point_distribution)
    if len(point_distribution) != len(expected) or total <= 0:
        raise InternalError("point_distribution needs a number for each line of the answer, and a sum above 0")
    if filler_lines_required and len(got) != len(expected):
        return False
    right = sum(weight for one, other, weight in zip(got, expected, point_distribution) if one == other)
    return CheckerResult(right > 0, point_value * right / total)


CHECKERS = {
    "standard": standard, "identical": identical, "rstripped": rstripped, "easy": easy, "sorted": sorted_check,
    "unordered": unordered, "floats": floats, "linecount": linecount, "linematches": linematches,
    "floatsabs": lambda *data, **values: floats(*data, **{"error_mode": "absolute", **values}),
    "floatsrel": lambda *data, **values: floats(*data, **{"error_mode": "relative", **values}),
}

# DMOJ's names of Cupel's languages. Other languages have Cupel's id.
LANGUAGES = {
    "c": "C", "c11": "C11", "cpp": "CPP17", "cpp11": "CPP11", "cpp14": "CPP14", "cpp20": "CPP20", "cpp23": "CPP23", "c-clang": "CLANG",
    "cpp-clang": "CLANGX", "python": "PY3", "pypy": "PYPY3", "java": "JAVA", "kotlin": "KOTLIN", "scala": "SCALA",
    "go": "GO", "rust": "RUST", "pascal": "PAS", "haskell": "HASK", "ocaml": "OCAML", "perl": "PERL", "php": "PHP",
    "ruby": "RUBY", "lua": "LUA", "d": "D", "ada": "ADA", "fortran": "F95", "csharp": "MONOCS", "javascript": "NODEJS",
}


class Facts:
    """What is known about the submission and its run."""

    def __init__(self, directory):
        values = {}
        try:
            with open(os.path.join(directory, "facts"), encoding="utf-8") as file:
                values = dict(line.rstrip("\n").split(" ", 1) for line in file)
        except FileNotFoundError:
            pass
        self.problem, self.language = values.get("problem", ""), values.get("language", "")
        self.language = LANGUAGES.get(self.language, self.language)
        self.position, self.batch = int(values.get("position", 0)), int(values.get("batch", 0))
        self.cpu_time, self.wall_time = float(values.get("cpu_time", 0)), float(values.get("wall_time", 0))
        self.memory_kib = int(values.get("memory_kib", 0))
        self._source = os.path.join(directory, "source")

    def source(self):
        try:
            with open(self._source, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""


def as_result(check, points):
    return check if isinstance(check, CheckerResult) else CheckerResult(bool(check), points if check else 0)


class Settings(dict):
    """The keys of a case, also as attributes; a missing key is None."""

    def __getattr__(self, name):
        return self.get(name)

    def __getitem__(self, name):
        return self.get(name)


class Problem:
    def __init__(self, options, facts):
        self.id, self.config, self.problem_data = facts.problem, Settings(options.get("config", {})), {}
        self.time_limit, self.memory_limit = 0, 0


class TestCase:
    def __init__(self, paths, options, facts):
        self._input, self._answer = ((path, None) for path in paths)
        self._read = {}
        self._options = options
        self.points, self.position = options.get("points", 0), facts.position
        self.batch, self.has_binary_data = facts.batch, bool(options.get("binary"))
        self.problem, self.config = Problem(options, facts), Settings(options.get("config", {}))
        self.output_prefix_length = 64

    def _data(self, path):
        if path not in self._read:
            with open(path, "rb") as file:
                data = file.read()
            if not self.has_binary_data:
                data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                if data and not data.endswith(b"\n"):
                    data += b"\n"
            self._read[path] = data
        return self._read[path]

    def input_data(self):
        return self._data(self._input[0])

    def output_data(self):
        return self._data(self._answer[0])

    def input_data_io(self):
        return io.BytesIO(self.input_data())

    def free_data(self):
        self._read.clear()

    def checker(self):
        name = self._options.get("checker", "standard")
        if name not in CHECKERS:
            raise InternalError(f"the checker {name!r} is not available to graders in Python")
        args = self._options.get("checker_args", {})
        return lambda *data, **values: CHECKERS[name](*data, **{**values, **args})


class Process:
    """The submission, whose standard streams are connected to those of this process."""

    def __init__(self, stdin, stdout):
        self.stdin, self.stdout, self.stderr = stdin, stdout, io.BytesIO()
        self.returncode = self.signal = 0
        self.execution_time = self.wall_clock_time = self.max_memory = 0
        self.is_tle = self.is_mle = self.is_ole = self.is_rte = self.is_ir = False
        self.protection_fault = self.feedback = None
        self.context_switches = (0, 0)

    def communicate(self, input=None, outlimit=None, errlimit=None):
        # Reads while it writes, because the submission may write before it has read everything.
        import threading

        def send():
            try:
                self.stdin.write(input or b"")
                self.stdin.close()
            except OSError:
                pass

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        output = self.stdout.read()
        return output, b""

    safe_communicate = unsafe_communicate = communicate

    def wait(self):
        try:
            self.stdin.close()
        except OSError:
            pass
        while self.stdout.read(1 << 16):
            pass
        return self.returncode

    def poll(self):
        return None

    def kill(self):
        pass


class Interactor:
    def __init__(self, process):
        self.process = process
        self._peeked = None

    def _byte(self):
        if self._peeked is not None:
            byte, self._peeked = self._peeked, None
            return byte
        return self.process.stdout.read(1)

    def read(self):
        first, self._peeked = self._peeked or b"", None
        return utf8text(first + self.process.stdout.read())

    def readln(self, strip_newline=True):
        first, self._peeked = self._peeked or b"", None
        line = utf8text(first if first == b"\n" else first + self.process.stdout.readline())
        return line.rstrip("\n") if strip_newline else line

    def readtoken(self, delim=None):
        ends = (b" ", b"\t", b"\r", b"\n", b"\v", b"\f") if delim is None else (utf8bytes(delim),)
        byte = self._byte()
        while delim is None and byte in ends:
            byte = self._byte()
        token = b""
        while byte and byte not in ends:
            token += byte
            byte = self._byte()
        # The end of a line stays readable, so that a following `readln` reads the rest of the line.
        if delim is None and byte == b"\n":
            self._peeked = byte
        return utf8text(token)

    def readint(self, lo=float("-inf"), hi=float("inf"), delim=None):
        token = self.readtoken(delim)
        try:
            value = int(token)
        except ValueError:
            raise WrongAnswer(f"expected int, got {token[:64]!r}")
        if not lo <= value <= hi:
            raise WrongAnswer(f"expected int in range [{lo}, {hi}], got {value}")
        return value

    def readfloat(self, lo=float("-inf"), hi=float("inf"), delim=None):
        token = self.readtoken(delim)
        try:
            value = float(token)
        except ValueError:
            raise WrongAnswer(f"expected float, got {token[:64]!r}")
        if not lo <= value <= hi:
            raise WrongAnswer(f"expected float in range [{lo}, {hi}], got {value}")
        return value

    def write(self, value):
        self.process.stdin.write(utf8bytes(value))
        self.process.stdin.flush()

    def writeln(self, value):
        self.write(utf8bytes(value) + b"\n")

    def close(self):
        self.process.stdin.close()


class StandardGrader:
    # As in DMOJ, a grader may have a constructor with these parameters. Here, the judge is the submission's process.
    def __init__(self, judge, problem, language, source, meta=None):
        self.judge, self.process, self.problem = judge, judge, problem
        self.source, self.language, self.meta = source, language, Settings(meta or {})
        self.binary, self._current_proc = None, None

    def terminate_grading(self):
        pass

    def _launch_process(self, case, *_, **__):
        if self._current_proc is not None:
            raise InternalError("the grader starts the submission twice in one case; Cupel runs it once")
        self._current_proc = self.process

    def _interact_with_process(self, case, result, input=None):
        data = case.input_data() if input is None else input
        result.proc_output, error = self._current_proc.communicate(data)
        return error

    def populate_result(self, error, result, process):
        pass

    def check_result(self, case, result):
        if result.result_flag:
            return False
        try:
            return case.checker()(
                result.proc_output or b"", case.output_data(), judge_input=case.input_data(), point_value=case.points,
                case=case, result=result,
            )
        except UnicodeDecodeError:
            return CheckerResult(False, 0, feedback="invalid unicode")

    def grade(self, case):
        result = Result(case)
        self._launch_process(case)
        error = self._interact_with_process(case, result)
        self.populate_result(error, result, self._current_proc)
        check = as_result(self.check_result(case, result), case.points)
        result.result_flag |= Result.AC if check.passed else Result.WA
        result.points = check.points
        result.feedback = check.feedback or result.feedback
        result.extended_feedback = check.extended_feedback or result.extended_feedback
        return result


class InteractiveGrader(StandardGrader):
    check = False

    def interact(self, case, interactor):
        raise NotImplementedError("interact")

    def _interact_with_process(self, case, result, *_):
        interactor = Interactor(self._current_proc)
        try:
            self.check = self.interact(case, interactor)
        except WrongAnswer as wrong:
            self.check = CheckerResult(False, wrong.points, feedback=wrong.feedback)
        except (OSError, UnicodeDecodeError) as error:
            self.check = CheckerResult(False, 0, feedback=str(error))
        self._current_proc.wait()
        return b""

    def check_result(self, case, result):
        return self.check


def provide(name, **members):
    module = types.ModuleType(name)
    module.__path__ = []
    vars(module).update(members)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def provide_modules():
    unicode = {"utf8bytes": utf8bytes, "utf8text": utf8text}
    results = {"Result": Result, "CheckerResult": CheckerResult}
    # Cupel has compiled the submission with the grader of `signature_grader`.
    graders = {"StandardGrader": StandardGrader, "InteractiveGrader": InteractiveGrader, "BaseGrader": StandardGrader,
               "SignatureGrader": StandardGrader}
    errors = {"InternalError": InternalError, "CompileError": CompileError, "OutputLimitExceeded": OutputLimitExceeded}
    provide("dmoj")
    provide("dmoj.error", **errors)
    provide("dmoj.result", **results)
    provide("dmoj.config", ConfigNode=Settings, InvalidInitException=InvalidInitException)
    provide("dmoj.utils", **unicode)
    provide("dmoj.utils.unicode", **unicode)
    provide("dmoj.checkers", CheckerOutput=object, CheckerResult=CheckerResult)
    for name, check in CHECKERS.items():
        provide(f"dmoj.checkers.{name}", check=check)
    provide("dmoj.problem", Problem=Problem, TestCase=TestCase)
    provide("dmoj.graders", **graders)
    provide("dmoj.graders.base", BaseGrader=StandardGrader)
    provide("dmoj.graders.standard", StandardGrader=StandardGrader)
    provide("dmoj.graders.signature", SignatureGrader=StandardGrader)
    provide("dmoj.graders.interactive", InteractiveGrader=InteractiveGrader, Interactor=Interactor,
            WrongAnswer=WrongAnswer, PresentationError=PresentationError)


def load(path):
    spec = importlib.util.spec_from_file_location("problem_code", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["problem_code"] = module
    spec.loader.exec_module(module)
    return module


def run(input_path, output_path, answer_path, options):
    facts = Facts(os.path.dirname(input_path))
    case = TestCase((input_path, answer_path), options, facts)
    if options["kind"] == "checker":
        with open(output_path, "rb") as file:
            output = file.read()
        result = Result(case, proc_output=output, execution_time=facts.cpu_time, wall_clock_time=facts.wall_time,
                        max_memory=facts.memory_kib)
        values = dict(
            submission_source=facts.source(), judge_input=case.input_data(), point_value=case.points,
            case_position=case.position, batch=case.batch, submission_language=facts.language,
            binary_data=case.has_binary_data, execution_time=facts.cpu_time, problem_id=case.problem.id, case=case,
            result=result,
        )
        values.update(options.get("args", {}))
        check = load(options["file"]).check if "file" in options else CHECKERS[options["checker"]]
        try:
            checked = check(output, case.output_data(), **values)
        except UnicodeDecodeError:
            checked = CheckerResult(False, 0, feedback="invalid unicode")
        checked = as_result(checked, case.points)
        return checked.passed, checked.points, case.points, checked.feedback, checked.extended_feedback
    # What the grader prints must not reach the submission.
    process = Process(os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb"))
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    result = load(options["file"]).Grader(process, case.problem, facts.language, facts.source(), {}).grade(case)
    return result.result_flag == Result.AC, result.points, case.points, result.feedback, result.extended_feedback


def ending(passed, points, most, feedback):
    """The exit code and the lines of standard error."""
    # A line of the feedback must not be taken for the points.
    messages = [re.sub(r"(?m)^\s*points\b", "(points)", utf8text(text, "replace")) for text in feedback if text]
    if points == (most if passed else 0):
        return (42 if passed else 43), messages
    # DMOJ adds up the points of rejected cases, too.
    return (47 if passed else 48), [*messages, f"points {points:.6f}"]


def write_points(input_path, line):
    directory = os.path.join(os.path.dirname(input_path), "feedback")
    # An older Cupel has no such directory, and reads standard error.
    if os.path.isdir(directory):
        with open(os.path.join(directory, "points"), "w", encoding="utf-8") as file:
            file.write(line.split()[1])


def main():
    provide_modules()
    options = json.loads(sys.argv[4])
    try:
        passed, points, most, *feedback = run(*sys.argv[1:4], options)
        code, messages = ending(passed, points, most, feedback)
        if code in (47, 48):
            write_points(sys.argv[1], messages[-1])
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(3)
    print("\n".join(messages), file=sys.stderr, flush=True)
    os._exit(code)


main()

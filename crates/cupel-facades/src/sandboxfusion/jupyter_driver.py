"""Runs the cells of one notebook in one Python process, with IPython, and writes their outputs to a file.

Standard input has `{"cells": [...], "output": PATH}`. The file has a list with an object for each cell: `stdout`, `stderr`,
`display` (MIME bundles of results and displays) and `error` (exceptions). The sandbox bounds time, memory and files.
"""

import base64
import builtins
import json
import os
import sys
import tempfile


def encoded(data):
    """A MIME bundle in which binary data is base64."""
    return {kind: base64.b64encode(value).decode() if isinstance(value, bytes) else value for kind, value in data.items()}


class Stream:
    """Captures what this process and its children write to a file descriptor."""

    def __init__(self, number):
        self.number = number
        self.file = tempfile.TemporaryFile()
        os.dup2(self.file.fileno(), number)

    def take(self):
        """Returns the text since the last call."""
        self.file.seek(0)
        text = self.file.read().decode(errors="replace")
        self.file.seek(0)
        self.file.truncate()
        return text


def main():
    request = json.load(sys.stdin)
    # A cell cannot read input.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # IPython writes its settings to this directory. They must not be in the working directory.
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp()
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")

    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.error import StdinNotImplementedError
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    display, error = [], []

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, *args, **more):
            display.append(encoded(data))

        def clear_output(self, wait=False):
            pass

    class Hook(DisplayHook):
        def write_output_prompt(self):
            pass

        def write_format_data(self, format_dict, md_dict=None):
            display.append(encoded(format_dict))

        def finish_displayhook(self):
            pass

    class Shell(InteractiveShell):
        display_pub_class = Type(Publisher)
        displayhook_class = Type(Hook)
        # Commands after `!` write to the captured descriptors, without a terminal.
        system = InteractiveShell.system_raw

        def _showtraceback(self, etype, evalue, stb):
            error.append({"ename": etype.__name__, "evalue": str(evalue), "traceback": list(stb)})

        def enable_gui(self, gui=None):
            pass

        def ask_exit(self):
            """Called by `exit()` and `quit()`. The cells after this one still run."""

    def no_input(*_):
        raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")

    config = Config()
    config.HistoryManager.enabled = False
    shell = Shell.instance(config=config)
    builtins.input = no_input
    # The driver is in the notebook's directory. Its name must not be visible in `sys.argv`.
    sys.argv = [""]

    stdout, stderr = Stream(1), Stream(2)
    outputs = []
    for cell in request["cells"]:
        display.clear()
        error.clear()
        try:
            shell.run_cell(cell, store_history=True)
        except BaseException as exception:  # A cell can raise an exception that IPython does not catch.
            error.append({"ename": type(exception).__name__, "evalue": str(exception), "traceback": []})
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        outputs.append({"stdout": stdout.take(), "stderr": stderr.take(), "display": list(display), "error": list(error)})
    # Escapes would make texts in most scripts up to three times as large.
    text = json.dumps(outputs, default=repr, ensure_ascii=False)
    with open(request["output"], "w", encoding="utf-8", errors="replace") as file:
        file.write(text)


main()

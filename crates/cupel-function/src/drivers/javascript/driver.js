// @ts-nocheck
// Cupel's driver: calls the function or class of solution.js, and writes the result to descriptor 3.
//
// The source is the same for every problem, and for TypeScript. Standard input: a line with the nonce, a line with the signature, then the
// values. With the argument --cupel-batch: a line with the signature, then the tests, each of which arrives after the answer
// to the previous one; see batch.rs. The driver saves the functions that it needs before the submission can replace them.
(() => {
  const RESULT = 3;
  const NODES_MAX = 1_000_000;
  // The oldest supported Node.js, 18, has no `isWellFormed`.
  const HALF_PAIR = /\p{Surrogate}/u;
  const fs = require("fs");
  const path = require("path");
  const vm = require("vm");
  const { createRequire, SourceMap } = require("module");
  const { readSync, writeSync } = fs;
  const leave = process.reallyExit.bind(process);
  const driver = __filename;

  class ListNode {
    constructor(val, next) {
      this.val = val === undefined ? 0 : val;
      this.next = next === undefined ? null : next;
    }
  }
  class TreeNode {
    constructor(val, left, right) {
      this.val = val === undefined ? 0 : val;
      this.left = left === undefined ? null : left;
      this.right = right === undefined ? null : right;
    }
  }
  Object.assign(globalThis, { ListNode, TreeNode });

  /** The result is not a value of the declared type. */
  class Wrong extends Error {}
  /** The submission does not have the function or class to call. */
  class Missing extends Error {}

  const integer = (word) => {
    const number = Number(word);
    return Number.isSafeInteger(number) ? number : BigInt(word);
  };
  const floats = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  const WORDS = {
    int: integer,
    int32: Number,
    float: (word) => (word in floats ? floats[word] : Number(word)),
    bool: (word) => word === "1",
  };
  const BOUNDS = { int: [-(2n ** 63n), 2n ** 63n - 1n], int32: [-(2n ** 31n), 2n ** 31n - 1n] };

  const parse = (text) => {
    const open = text.indexOf("<");
    if (open < 0) return { name: text, text };
    const name = text.slice(0, open);
    const inner = text.slice(open + 1 + (name === "map" ? "string,".length : 0), -1);
    return { name, text, inner: parse(inner) };
  };

  class Reader {
    constructor(data) {
      this.data = data;
      this.at = 0;
    }
    line() {
      const end = this.data.indexOf(10, this.at);
      const line = this.data.latin1Slice(this.at, end);
      this.at = end + 1;
      return line;
    }
    text() {
      const length = Number(this.line());
      const text = this.data.utf8Slice(this.at, this.at + length);
      this.at += length + 1;
      return text;
    }
    value({ name, inner }) {
      if (name in WORDS) return WORDS[name](this.line());
      if (name === "string" || name === "char") return this.text();
      if (name === "optional") return this.line() === "1" ? this.value(inner) : null;
      const count = Number(this.line());
      if (name === "map") {
        const map = new Map();
        for (let i = 0; i < count; i++) {
          const key = this.text();
          map.set(key, this.value(inner));
        }
        return map;
      }
      const items = [];
      if (name === "TreeNode") {
        for (let i = 0; i < count; i++) items.push(this.line() === "1" ? { val: this.value(inner) } : null);
        return tree(items);
      }
      if (inner.name in WORDS) {
        if (count > 0) for (const word of this.line().split(" ")) items.push(WORDS[inner.name](word));
      } else {
        for (let i = 0; i < count; i++) items.push(this.value(inner));
      }
      return name === "ListNode" ? items.reduceRight((next, val) => new ListNode(val, next), null) : items;
    }
  }

  const tree = (places) => {
    if (places.length === 0) return null;
    const root = new TreeNode(places[0].val);
    const parents = [root];
    let at = 1;
    for (const parent of parents) {
      for (const side of ["left", "right"]) {
        const place = places[at++];
        if (place) parents.push((parent[side] = new TreeNode(place.val)));
      }
    }
    return root;
  };

  /** The type of a value, as written in a signature. */
  const described = (value) => {
    if (value === null || value === undefined) return "nothing";
    if (Array.isArray(value)) return "list";
    if (value instanceof Map) return "map";
    if (typeof value === "bigint" || Number.isInteger(value)) return "int";
    const names = { boolean: "bool", number: "float" };
    const kind = typeof value;
    return kind === "object" ? (value.constructor && value.constructor.name) || "object" : names[kind] || kind;
  };

  const write = (value, kind, whole, out) => {
    const { name, inner, text } = kind;
    const refuse = (what) => {
      throw new Wrong(`expected ${whole}, got ${what}`);
    };
    const place = () => refuse(text === whole ? described(value) : `${described(value)} where ${text} stands`);
    switch (name) {
      case "void":
        return;
      case "int":
      case "int32": {
        if (typeof value !== "bigint" && !Number.isInteger(value)) place();
        const [least, most] = BOUNDS[name];
        if (value < least || value > most) refuse(`a number that does not fit into ${name}`);
        out.push(Number.isSafeInteger(value) ? `${value}\n` : `${BigInt(value)}\n`);
        return;
      }
      case "float":
        if (typeof value === "bigint") refuse(text === whole ? "a BigInt" : `a BigInt where ${text} stands`);
        if (typeof value !== "number") place();
        if (Number.isNaN(value)) out.push("nan\n");
        else if (!Number.isFinite(value)) out.push(value > 0 ? "inf\n" : "-inf\n");
        else out.push(Object.is(value, -0) ? "-0\n" : `${value}\n`);
        return;
      case "bool":
        if (typeof value !== "boolean") place();
        out.push(value ? "1\n" : "0\n");
        return;
      case "char":
      case "string": {
        if (typeof value !== "string") place();
        if (name === "char" && (value.length !== 1 || value > "\x7f")) refuse("a string that is not one ASCII character");
        if (HALF_PAIR.test(value)) refuse("a string with half of a surrogate pair");
        out.push(`${Buffer.byteLength(value)}\n`, value, "\n");
        return;
      }
      case "optional":
        if (value === null || value === undefined) {
          out.push("0\n");
        } else {
          out.push("1\n");
          write(value, inner, whole, out);
        }
        return;
      case "map": {
        const is_plain = value !== null && typeof value === "object" && !Array.isArray(value);
        if (!is_plain) place();
        const entries = value instanceof Map ? [...value] : Object.entries(value);
        out.push(`${entries.length}\n`);
        for (const [key, item] of entries) {
          write(key, { name: "string", text: "string" }, whole, out);
          write(item, inner, whole, out);
        }
        return;
      }
      case "TreeNode": {
        if (value && (typeof value !== "object" || !("left" in value))) place();
        const places = levelOrder(value, refuse);
        out.push(`${places.length}\n`);
        for (const node of places) {
          out.push(node ? "1\n" : "0\n");
          if (node) write(node.val, inner, whole, out);
        }
        return;
      }
      default: {
        let items = value;
        if (name === "ListNode") {
          if (value && (typeof value !== "object" || !("next" in value))) place();
          items = unlinked(value, refuse);
        } else if (!Array.isArray(value) && (!ArrayBuffer.isView(value) || value instanceof DataView)) {
          place();
        }
        out.push(`${items.length}\n`);
        for (let i = 0; i < items.length; i++) write(items[i], inner, whole, out);
      }
    }
  };

  const checkNode = (node, link, refuse) => {
    if (typeof node !== "object" || !(link in node)) refuse(`${described(node)} without \`${link}\` where a node stands`);
  };

  /** The error for more nodes than a list or a tree may have, which may be the same nodes again and again. */
  const tooMany = (nodes, ifRepeated, ifNot) => new Wrong(new Set(nodes).size < nodes.length ? ifRepeated : ifNot);

  const unlinked = (node, refuse) => {
    const nodes = [];
    for (; node; node = node.next) {
      checkNode(node, "next", refuse);
      nodes.push(node);
      if (nodes.length > NODES_MAX) {
        throw tooMany(nodes, "the result has a cycle", `a list of the result is too long: more than ${NODES_MAX} nodes`);
      }
    }
    return nodes.map((node) => node.val);
  };

  const levelOrder = (root, refuse) => {
    const places = root ? [root] : [];
    let nodes = 0;
    for (const node of places) {
      if (!node) continue;
      checkNode(node, "left", refuse);
      if (++nodes > NODES_MAX) {
        const cycle = "the result has a cycle, or a node with two parents";
        throw tooMany(places.filter(Boolean), cycle, `a tree of the result is too large: more than ${NODES_MAX} nodes`);
      }
      places.push(node.left, node.right);
    }
    while (places.length > 0 && !places[places.length - 1]) places.pop();
    return places;
  };

  /**
   * Whether code tests or sets a parameter, so that its argument may be missing: `memo ?? {}`, `memo = …`, `!memo`,
   * `if (memo)`.
   */
  const mayBeMissing = (parameter, code) => {
    const word = `(?<![\\w$.])${parameter}(?![\\w$])`;
    const tests = `${word}\\s*(?:[?&]|\\|\\||=(?!>)|!=)|(?:!|typeof)\\s*${word}|(?:if|while)\\s*\\(\\s*${word}\\s*\\)`;
    return /^\w+$/.test(parameter) && new RegExp(tests).test(code);
  };

  /** JavaScript allows any number of arguments, so a function is refused only if it cannot use exactly `count` of them. */
  const checkArity = (callable, name, count) => {
    const source = Function.prototype.toString.call(callable);
    if (isClass(callable) || callable.length === count) return;
    const end = Math.max(source.indexOf(")"), 0);
    const parameters = source.slice(0, end);
    if (callable.length < count && (/\.\.\.|=/.test(parameters) || /\barguments\b/.test(source))) return;
    const more = parameters.slice(parameters.indexOf("(") + 1).split(",").slice(count);
    if (more.length === callable.length - count && more.every((one) => mayBeMissing(one.trim(), source.slice(end)))) return;
    throw new Missing(`${name} takes ${callable.length} parameters; it is called with ${count}`);
  };

  const isCallable = (value) => typeof value === "function";
  const isClass = (value) => /^class\b/.test(Function.prototype.toString.call(value));

  const findFunction = (found, name, count) => {
    const { exported, local, isTheirs } = found;
    const isFunction = (value) => isCallable(value) && !isClass(value) && isTheirs(value);
    const free = [exported[name], local[name], exported.default, exported].find(isFunction);
    if (free) {
      checkArity(free, name, count);
      return free;
    }
    const Solution = [exported.Solution, local.Solution, exported.default, exported].find(isCallable);
    const instance = Solution && new Solution();
    if (!instance || !isFunction(instance[name])) throw new Missing(`function ${name} not found`);
    checkArity(instance[name], name, count);
    return instance[name].bind(instance);
  };

  const findClass = (found, name) => {
    const { exported, local, isTheirs } = found;
    const Found = [exported[name], local[name], exported.default, exported].find((value) => isCallable(value) && isTheirs(value));
    if (!Found) throw new Missing(`class ${name} not found`);
    return Found;
  };

  /** Checks the methods of a new object: a method may also be a field of the object, such as an arrow function. */
  const checkMethods = (object, name, methods, isTheirs) => {
    for (const method of methods) {
      const function_ = object[method.name];
      if (!isCallable(function_) || !isTheirs(function_)) throw new Missing(`method ${method.name} of class ${name} not found`);
      checkArity(function_, method.name, method.kinds.length);
    }
  };

  /** The source of the submission. */
  const solution = { file: path.resolve("solution.js"), text: "" };

  /**
   * The lines of a trace with places in the source from which solution.js was compiled, if the compiler left a source map
   * in it. Node.js itself maps only files that its loaders load.
   */
  const mapped = (trace) => {
    try {
      const [, ...maps] = solution.text.split("//# sourceMappingURL=data:application/json;base64,");
      if (maps.length === 0) return trace;
      const map = new SourceMap(JSON.parse(Buffer.from(maps.pop(), "base64").toString()));
      return trace.map((line) => {
        const [, head, file, row, column, tail] = /^( +at .*?)([^\s(]+):(\d+):(\d+)(\)?)$/.exec(line) ?? [];
        const { originalSource, originalLine, originalColumn } = file === solution.file ? map.findEntry(row - 1, column - 1) : {};
        if (originalSource === undefined) return line;
        const source = path.join(path.dirname(file), originalSource);
        return `${head}${source}:${originalLine + 1}:${originalColumn + 1}${tail}`;
      });
    } catch {
      return trace;
    }
  };

  /** Loads the submission. `names` are the names that it may define, and `methods` those that its classes may define. */
  const load = (names, methods) => {
    const { file } = solution;
    const source = (solution.text = fs.readFileSync(file, "utf8"));
    const require_ = createRequire(file);
    // Every object has functions such as `toString`, and names such as `Map` are global. They are not the submission's.
    const places = [globalThis, Object.prototype, Function.prototype];
    const builtIn = [require_, ...places.flatMap((place) => [...names, ...methods].map((name) => place[name]))];
    const local = names.map((name) => `${name}: typeof ${name} === "undefined" ? undefined : ${name}`);
    const parameters = ["exports", "require", "module", "__filename", "__dirname"];
    const run = vm.compileFunction(`${source}\n;return { ${local.join(", ")} };`, parameters, { filename: file });
    const module = { exports: {} };
    const values = run(module.exports, require_, module, file, path.dirname(file));
    return { exported: module.exports ?? {}, local: values ?? {}, isTheirs: (value) => !builtIn.includes(value) };
  };

  /** The tests of a batch, which arrive on standard input one at a time. */
  class Batch {
    constructor() {
      this.chunk = Buffer.alloc(1 << 16);
      this.held = Buffer.alloc(0);
      this.descriptor = 0;
      try {
        // Standard input is empty for the submission, as it is for a single test.
        this.descriptor = fs.openSync("/proc/self/fd/0");
        fs.closeSync(0);
        fs.openSync("/dev/null");
      } catch {
        // A submission that reads standard input then waits for data until a limit ends the batch.
      }
    }
    receive() {
      const length = readSync(this.descriptor, this.chunk);
      this.held = Buffer.concat([this.held, this.chunk.subarray(0, length)]);
      return length > 0;
    }
    /** The next line; `null` at the end of the input. */
    line() {
      let end;
      while ((end = this.held.indexOf(10)) < 0) if (!this.receive()) return null;
      const line = this.held.latin1Slice(0, end);
      this.held = this.held.subarray(end + 1);
      return line;
    }
    take(length) {
      while (this.held.length < length && this.receive());
      const data = this.held.subarray(0, length);
      this.held = this.held.subarray(length);
      return data;
    }
  }

  const drive = async () => {
    const isBatch = process.argv.length === 3 && process.argv[2] === "--cupel-batch";
    let batch, reader, nonce, signature;
    /** Receives the next test of the batch. Returns whether there is one. */
    const next = () => {
      const line = batch.line();
      if (line === null) return false;
      const [word, length] = line.split(" ");
      [nonce, reader] = [word, new Reader(batch.take(Number(length)))];
      return true;
    };
    if (isBatch) {
      process.argv.pop();
      batch = new Batch();
      signature = batch.line();
      next();
    } else {
      reader = new Reader(fs.readFileSync(0));
      nonce = reader.line();
      signature = reader.line();
    }
    let words;
    const word = () => words.next().value;
    const times = (make) => Array.from({ length: Number(word()) }, make);
    const readMethod = () => ({ name: word(), returns: parse(word()), kinds: times(() => parse(word())) });

    const send = (text) => {
      const data = Buffer.from(text);
      for (let at = 0; at < data.length; ) at += writeSync(RESULT, data, at);
    };
    const finish = (status, rest) => {
      send(`${nonce} ${status}\n${rest}`);
      leave(0);
    };
    const fail = (error) => {
      let told = error instanceof Error && error.stack ? String(error.stack) : `Uncaught ${String(error)}`;
      // With a source map, the frames of the driver have the name of its source.
      const isOurs = (line) => line.includes(driver) || line.includes(driver.replace(/js$/, "ts")) || /^ +at .*\(?node:/.test(line);
      told = told.split("\n").filter((line) => !isOurs(line));
      writeSync(2, `${mapped(told).join("\n")}\n`);
      leave(1);
    };
    let loaded;
    /** Loads the submission, once for all tests. */
    const loadOnce = (names, methods) => {
      if (loaded) return loaded;
      loaded = load(names, methods);
      if (isBatch) send(`${nonce} ready\n`);
      return loaded;
    };

    try {
      fs.unlinkSync(driver);
    } catch {
      // If the file cannot be removed, the submission can read it, but it contains no secrets.
    }
    let out = [];
    try {
      for (;;) {
        words = signature.split(" ")[Symbol.iterator]();
        if (word() === "function") {
          const mutates = word();
          const { name, returns, kinds } = readMethod();
          const function_ = findFunction(loadOnce([name, "Solution"], []), name, kinds.length);
          const given = kinds.map((kind) => reader.value(kind));
          const returned = await function_(...given);
          const [value, kind] = mutates === "-" ? [returned, returns] : [given[mutates], kinds[mutates]];
          write(value, kind, kind.text, out);
        } else {
          const name = word();
          const constructor = times(() => parse(word()));
          const methods = times(readMethod);
          const found = loadOnce([name], methods.map((method) => method.name));
          const Found = findClass(found, name);
          let made;
          for (let left = Number(reader.line()); left > 0; left--) {
            const callee = Number(reader.line());
            if (callee === 0) {
              made = new Found(...constructor.map((kind) => reader.value(kind)));
              checkMethods(made, name, methods, found.isTheirs);
              continue;
            }
            const { name: method, returns, kinds } = methods[callee - 1];
            const value = await made[method](...kinds.map((kind) => reader.value(kind)));
            write(value, returns, returns.text, out);
          }
        }
        if (!isBatch) break;
        const rest = out.join("");
        send(`${nonce} ok ${Buffer.byteLength(rest)}\n${rest}`);
        out = [];
        if (!next()) leave(0);
      }
    } catch (error) {
      if (error instanceof Wrong) finish("wrong", error.message);
      if (error instanceof Missing) finish("missing", error.message);
      fail(error);
    }
    finish("ok", out.join(""));
  };

  drive();
})();

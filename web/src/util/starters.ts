// The example program of the playground. It asks for a name, so that it shows both text input and the terminal. It also
// runs without input, because the input is empty at first. A dialect without an entry has that of its base. For
// other languages, the playground is empty at first.

import type { Schema } from '../api/client'
import { entryOf } from './base-language'
import type { Carried } from './carry-input'
import { textOf } from './play'

/** Not all shells have `read -p`. */
const POSIX_SHELL = 'printf "Your name? "\nread -r name\necho "Hello, ${name:-world}!"\n'

export const STARTERS: Record<string, string> = {
  python: 'try:\n    name = input("Your name? ")\nexcept EOFError:\n    name = "world"\nprint(f"Hello, {name}!")\n',
  bash: 'read -r -p "Your name? " name\necho "Hello, ${name:-world}!"\n',
  c: '#include <stdio.h>\n#include <string.h>\n\nint main(void) {\n    char name[100];\n    printf("Your name? ");\n    fflush(stdout);\n    if (scanf("%99s", name) != 1) strcpy(name, "world");\n    printf("Hello, %s!\\n", name);\n}\n',
  cpp: '#include <iostream>\n#include <string>\n\nint main() {\n    std::string name;\n    std::cout << "Your name? " << std::flush;\n    if (!std::getline(std::cin, name)) name = "world";\n    std::cout << "Hello, " << name << "!\\n";\n}\n',
  java: 'import java.util.Scanner;\n\npublic class Main {\n    public static void main(String[] args) {\n        System.out.print("Your name? ");\n        Scanner input = new Scanner(System.in);\n        String name = input.hasNextLine() ? input.nextLine() : "world";\n        System.out.println("Hello, " + name + "!");\n    }\n}\n',
  javascript: "const readline = require('node:readline')\n\nconst terminal = readline.createInterface({ input: process.stdin, output: process.stdout })\nlet name = 'world'\nterminal.on('close', () => console.log(`Hello, ${name}!`))\nterminal.question('Your name? ', (answer) => {\n  name = answer\n  terminal.close()\n})\n",
  rust: 'use std::io::{self, Write};\n\nfn main() -> io::Result<()> {\n    print!("Your name? ");\n    io::stdout().flush()?;\n    let mut name = String::new();\n    if io::stdin().read_line(&mut name)? == 0 {\n        name.push_str("world");\n    }\n    println!("Hello, {}!", name.trim_end());\n    Ok(())\n}\n',
  go: 'package main\n\nimport (\n\t"bufio"\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tname := "world"\n\tfmt.Print("Your name? ")\n\tlines := bufio.NewScanner(os.Stdin)\n\tif lines.Scan() {\n\t\tname = lines.Text()\n\t}\n\tfmt.Printf("Hello, %s!\\n", name)\n}\n',
  typescript: "import * as readline from 'node:readline'\n\nconst terminal = readline.createInterface({ input: process.stdin, output: process.stdout })\nlet name = 'world'\nterminal.on('close', () => console.log(`Hello, ${name}!`))\nterminal.question('Your name? ', (answer) => {\n  name = answer\n  terminal.close()\n})\n",
  csharp: 'using System;\n\nclass Program {\n    static void Main() {\n        Console.Write("Your name? ");\n        string name = Console.ReadLine() ?? "world";\n        Console.WriteLine($"Hello, {name}!");\n    }\n}\n',
  kotlin: 'fun main() {\n    print("Your name? ")\n    val name = readlnOrNull() ?: "world"\n    println("Hello, $name!")\n}\n',
  ruby: 'print "Your name? "\n$stdout.flush\nname = $stdin.gets&.chomp || "world"\nputs "Hello, #{name}!"\n',
  php: '<?php\necho "Your name? ";\n$line = fgets(STDIN);\n$name = $line === false ? "world" : rtrim($line);\necho "Hello, $name!\\n";\n',
  perl: 'use strict;\nuse warnings;\n\n$| = 1;\nprint "Your name? ";\nmy $name = <STDIN> // "world";\nchomp $name;\nprint "Hello, $name!\\n";\n',
  haskell: 'import System.IO\n\nmain :: IO ()\nmain = do\n  putStr "Your name? "\n  hFlush stdout\n  isAtEnd <- isEOF\n  name <- if isAtEnd then return "world" else getLine\n  putStrLn ("Hello, " ++ name ++ "!")\n',
  scala: 'import scala.io.StdIn\n\nobject Main {\n  def main(args: Array[String]): Unit = {\n    val name = Option(StdIn.readLine("Your name? ")).getOrElse("world")\n    println(s"Hello, $name!")\n  }\n}\n',
  pascal: "program Hello;\n\nvar\n  name: string;\n\nbegin\n  write('Your name? ');\n  flush(output);\n  if eof then\n    name := 'world'\n  else\n    readln(name);\n  writeln('Hello, ', name, '!');\nend.\n",
  lua: 'io.write("Your name? ")\nio.flush()\nlocal name = io.read() or "world"\nprint("Hello, " .. name .. "!")\n',
  python2: 'try:\n    name = raw_input("Your name? ")\nexcept EOFError:\n    name = "world"\nprint("Hello, " + name + "!")\n',
  dash: POSIX_SHELL,
  ksh: POSIX_SHELL,
  zsh: POSIX_SHELL,
}

/** The playground's initial draft in a language, with the input and arguments that the user had in another language. */
export const freshText = (language: Schema['LanguageView'], carried: Carried = { args: '', stdin: '' }): string =>
  textOf({ files: [{ path: language.source_file, text: entryOf(STARTERS, language) ?? '' }], ...carried })

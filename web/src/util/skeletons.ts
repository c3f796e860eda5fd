// The start of a solution: a program that reads something and prints it, for problems without starter code. It is no draft until it is
// changed. A dialect without an entry begins with that of its base, and any other language begins empty.
import type { Schema } from '../api/client'
import { entryOf, type Versioned } from './base-language'

const SKELETONS: Record<string, string> = {
  python: 'def main():\n    line = input()\n    print(line)\n\n\nmain()\n',
  bash: 'read -r line\necho "$line"\n',
  c: '#include <stdio.h>\n\nint main(void) {\n    int n;\n    if (scanf("%d", &n) != 1) return 1;\n    printf("%d\\n", n);\n}\n',
  cpp: '#include <iostream>\n\nint main() {\n    int n;\n    std::cin >> n;\n    std::cout << n << std::endl;\n}\n',
  java: 'import java.util.Scanner;\n\npublic class Main {\n    public static void main(String[] args) {\n        Scanner input = new Scanner(System.in);\n        int n = input.nextInt();\n        System.out.println(n);\n    }\n}\n',
  javascript: "const readline = require('node:readline')\n\nconst input = readline.createInterface({ input: process.stdin })\ninput.on('line', (line) => {\n  console.log(line)\n})\n",
  rust: 'use std::io;\n\nfn main() -> io::Result<()> {\n    let mut line = String::new();\n    io::stdin().read_line(&mut line)?;\n    println!("{}", line.trim_end());\n    Ok(())\n}\n',
  go: 'package main\n\nimport (\n\t"bufio"\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tinput := bufio.NewReader(os.Stdin)\n\tvar n int\n\tfmt.Fscan(input, &n)\n\tfmt.Println(n)\n}\n',
  typescript: "import * as readline from 'node:readline'\n\nconst input = readline.createInterface({ input: process.stdin })\ninput.on('line', (line) => {\n  console.log(line)\n})\n",
  csharp: 'using System;\n\nclass Program {\n    static void Main() {\n        string line = Console.ReadLine();\n        Console.WriteLine(line);\n    }\n}\n',
  kotlin: 'fun main() {\n    val line = readln()\n    println(line)\n}\n',
  ruby: 'line = gets.chomp\nputs line\n',
  php: '<?php\n$line = rtrim(fgets(STDIN));\necho "$line\\n";\n',
  perl: 'use strict;\nuse warnings;\n\nmy $line = <STDIN>;\nchomp $line;\nprint "$line\\n";\n',
  haskell: 'main :: IO ()\nmain = do\n  line <- getLine\n  putStrLn line\n',
  scala: 'import scala.io.StdIn\n\nobject Main {\n  def main(args: Array[String]): Unit = {\n    val line = StdIn.readLine()\n    println(line)\n  }\n}\n',
  pascal: 'program Solution;\n\nvar\n  line: string;\n\nbegin\n  readln(line);\n  writeln(line);\nend.\n',
  lua: 'local line = io.read()\nprint(line)\n',
  python2: 'line = raw_input()\nprint(line)\n',
}

type Starters = Pick<Schema['ProblemView'], 'starter_code'>

/** Whether the problem calls a function of the solution. Such a problem has starter code. */
export const isFunction = ({ starter_code }: Starters): boolean => starter_code.length > 0

/** The code with which the editor begins. The server decides which languages a function problem has. */
export const startOf = (problem: Starters, language: Versioned): string =>
  isFunction(problem) ? (problem.starter_code.find((starter) => starter.language === language.language_id)?.code ?? '') : (entryOf(SKELETONS, language) ?? '')

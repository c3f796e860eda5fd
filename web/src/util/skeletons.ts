// The start of a solution: a program that reads something and prints it, for problems without starter code. It is no draft until it is
// changed. A language without an entry begins empty.
import type { Schema } from '../api/client'

const SKELETONS: Record<string, string> = {
  python: 'def main():\n    line = input()\n    print(line)\n\n\nmain()\n',
  bash: 'read -r line\necho "$line"\n',
  c: '#include <stdio.h>\n\nint main(void) {\n    int n;\n    if (scanf("%d", &n) != 1) return 1;\n    printf("%d\\n", n);\n}\n',
  cpp: '#include <iostream>\n\nint main() {\n    int n;\n    std::cin >> n;\n    std::cout << n << std::endl;\n}\n',
  java: 'import java.util.Scanner;\n\npublic class Main {\n    public static void main(String[] args) {\n        Scanner input = new Scanner(System.in);\n        int n = input.nextInt();\n        System.out.println(n);\n    }\n}\n',
  javascript: "const readline = require('node:readline')\n\nconst input = readline.createInterface({ input: process.stdin })\ninput.on('line', (line) => {\n  console.log(line)\n})\n",
  rust: 'use std::io;\n\nfn main() -> io::Result<()> {\n    let mut line = String::new();\n    io::stdin().read_line(&mut line)?;\n    println!("{}", line.trim_end());\n    Ok(())\n}\n',
  go: 'package main\n\nimport (\n\t"bufio"\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tinput := bufio.NewReader(os.Stdin)\n\tvar n int\n\tfmt.Fscan(input, &n)\n\tfmt.Println(n)\n}\n',
}

type Starters = Pick<Schema['ProblemView'], 'starter_code'>

/** Whether the problem calls a function of the solution. Such a problem has starter code. */
export const isFunction = ({ starter_code }: Starters): boolean => starter_code.length > 0

/** The code with which the editor begins. */
export const startOf = (problem: Starters, language: string): string =>
  isFunction(problem) ? (problem.starter_code.find((starter) => starter.language === language)?.code ?? '') : (SKELETONS[language] ?? '')

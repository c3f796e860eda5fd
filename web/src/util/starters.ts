// The example program of the playground. It asks for a name, so that it shows both text input and the terminal. It also
// runs without input, because the input is empty at first. For a language without an entry, the playground is empty at
// first.

import type { Schema } from '../api/client'
import { textOf } from './play'

export const STARTERS: Record<string, string> = {
  python: 'try:\n    name = input("Your name? ")\nexcept EOFError:\n    name = "world"\nprint(f"Hello, {name}!")\n',
  bash: 'read -r -p "Your name? " name\necho "Hello, ${name:-world}!"\n',
  c: '#include <stdio.h>\n#include <string.h>\n\nint main(void) {\n    char name[100];\n    printf("Your name? ");\n    fflush(stdout);\n    if (scanf("%99s", name) != 1) strcpy(name, "world");\n    printf("Hello, %s!\\n", name);\n}\n',
  cpp: '#include <iostream>\n#include <string>\n\nint main() {\n    std::string name;\n    std::cout << "Your name? " << std::flush;\n    if (!std::getline(std::cin, name)) name = "world";\n    std::cout << "Hello, " << name << "!\\n";\n}\n',
  java: 'import java.util.Scanner;\n\npublic class Main {\n    public static void main(String[] args) {\n        System.out.print("Your name? ");\n        Scanner input = new Scanner(System.in);\n        String name = input.hasNextLine() ? input.nextLine() : "world";\n        System.out.println("Hello, " + name + "!");\n    }\n}\n',
  javascript: "const readline = require('node:readline')\n\nconst terminal = readline.createInterface({ input: process.stdin, output: process.stdout })\nlet name = 'world'\nterminal.on('close', () => console.log(`Hello, ${name}!`))\nterminal.question('Your name? ', (answer) => {\n  name = answer\n  terminal.close()\n})\n",
  rust: 'use std::io::{self, Write};\n\nfn main() -> io::Result<()> {\n    print!("Your name? ");\n    io::stdout().flush()?;\n    let mut name = String::new();\n    if io::stdin().read_line(&mut name)? == 0 {\n        name.push_str("world");\n    }\n    println!("Hello, {}!", name.trim_end());\n    Ok(())\n}\n',
  go: 'package main\n\nimport (\n\t"bufio"\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tname := "world"\n\tfmt.Print("Your name? ")\n\tlines := bufio.NewScanner(os.Stdin)\n\tif lines.Scan() {\n\t\tname = lines.Text()\n\t}\n\tfmt.Printf("Hello, %s!\\n", name)\n}\n',
}

const starterOf = (language: string): string => STARTERS[language] ?? ''

/** The playground's initial draft in a language. */
export const freshText = ({ language_id, source_file }: Schema['LanguageView']): string =>
  textOf({ files: [{ path: source_file, text: starterOf(language_id) }], args: '', stdin: '' })

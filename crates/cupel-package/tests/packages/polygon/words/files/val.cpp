// Accepts (exit code 0) one line of lower-case words.
#include <cctype>
#include <iostream>
#include <string>

int main() {
    std::string line;
    if (!std::getline(std::cin, line) || std::cin.get() != EOF) return 3;
    for (unsigned char c : line)
        if (c != ' ' && !std::islower(c)) return 3;
    return 0;
}

// Reads the secret number from the input, answers questions about it, and logs the guessed number.
#include <fstream>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    if (argc < 3) return 3;
    std::ifstream input(argv[1]);
    std::ofstream log(argv[2]);
    long long secret, asked;
    if (!(input >> secret)) return 3;
    std::string word;
    for (int turn = 0; turn < 100 && std::cin >> word >> asked; turn++) {
        if (word == "!") {
            log << asked << "\n";
            return 0;
        }
        std::cout << (asked < secret ? "more" : asked > secret ? "less" : "equal") << std::endl;
    }
    return 2;
}

// Arguments as for testlib: input, /dev/null, answer. The submission is connected to the standard streams.
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
    if (argc < 2) return 3;
    std::ifstream input(argv[1]);
    long long secret, guess;
    if (!(input >> secret)) return 3;
    for (int turn = 0; turn < 10 && std::cin >> guess; turn++) {
        std::cout << (guess == secret ? "yes" : "no") << std::endl;
        if (guess == secret) return 0;
    }
    return 1;
}

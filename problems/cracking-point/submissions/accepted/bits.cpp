// Builds the temperature bit by bit, from the highest.
#include <iostream>
#include <string>
int main() {
    int t = 0;
    for (int bit = 1 << 19; bit; bit >>= 1) {
        if (t + bit > 1'000'000) continue;
        std::cout << "? " << t + bit << std::endl;
        std::string answer;
        std::cin >> answer;
        if (answer == "holds") t += bit;
    }
    std::cout << "! " << t << std::endl;
}

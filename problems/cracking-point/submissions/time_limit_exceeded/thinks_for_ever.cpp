// The middle of two neighbours is the lower one, so the search stands still.
#include <iostream>
#include <string>
int main() {
    int low = 1, high = 1'000'000, last = 0;
    bool held = false;
    while (low < high) {
        int middle = (low + high) / 2;
        if (middle != last) {
            std::cout << "? " << middle << std::endl;
            std::string answer;
            std::cin >> answer;
            last = middle;
            held = answer == "holds";
        }
        if (held) low = middle;
        else high = middle - 1;
    }
    std::cout << "! " << low << std::endl;
}

// Takes the lowest temperature that cracks for the highest that holds.
#include <iostream>
#include <string>
int main() {
    int low = 1, high = 1'000'000;
    while (low < high) {
        int middle = (low + high) / 2;
        std::cout << "? " << middle << std::endl;
        std::string answer;
        std::cin >> answer;
        if (answer == "holds") low = middle + 1;
        else high = middle;
    }
    std::cout << "! " << low << std::endl;
}

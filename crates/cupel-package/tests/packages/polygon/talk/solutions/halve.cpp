#include <iostream>
#include <string>
int main() {
    int low = 1, high = 1000;
    while (low < high) {
        int middle = (low + high) / 2;
        std::string said;
        std::cout << "? " << middle << std::endl;
        std::cin >> said;
        if (said == ">") low = middle + 1;
        else high = middle;
    }
    std::cout << "! " << low << std::endl;
}

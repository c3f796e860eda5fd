#include <iostream>
#include <string>
int main() {
    std::string w;
    int n = 0;
    while (std::cin >> w) n++;
    std::cout << n << "\n";
}

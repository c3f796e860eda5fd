// Sorts the letters again for every pair.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>
int main() {
    int n;
    std::cin >> n;
    std::vector<std::string> labels(n);
    for (auto &label : labels) std::cin >> label;
    long long pairs = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            std::string a = labels[i], b = labels[j];
            std::sort(a.begin(), a.end());
            std::sort(b.begin(), b.end());
            pairs += a == b;
        }
    std::cout << pairs << '\n';
}

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>
int main() {
    int n;
    std::cin >> n;
    std::vector<std::string> labels(n);
    for (auto &label : labels) {
        std::cin >> label;
        std::sort(label.begin(), label.end());
    }
    std::sort(labels.begin(), labels.end());
    long long pairs = 0, run = 0;
    for (int i = 1; i < n; i++) {
        run = labels[i] == labels[i - 1] ? run + 1 : 0;
        pairs += run;
    }
    std::cout << pairs << '\n';
}

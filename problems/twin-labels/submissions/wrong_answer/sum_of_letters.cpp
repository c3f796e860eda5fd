// Takes labels of the same length and the same sum of letters for twins.
#include <iostream>
#include <map>
#include <string>
#include <utility>
int main() {
    int n;
    std::cin >> n;
    std::map<std::pair<size_t, int>, long long> kinds;
    long long pairs = 0;
    for (std::string label; std::cin >> label;) {
        int sum = 0;
        for (char c : label) sum += c;
        pairs += kinds[{label.size(), sum}]++;
    }
    std::cout << pairs << '\n';
}

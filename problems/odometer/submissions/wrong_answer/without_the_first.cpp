// Leaves a itself out.
#include <cstring>
#include <iostream>
#include <string>
std::string limit;
int m;
long long known[20][11][50];
long long count(size_t at, int before, int rest, bool tight) {
    if (at == limit.size()) return before < 10 && rest == 0;
    long long &memory = known[at][before][rest];
    if (!tight && memory >= 0) return memory;
    long long total = 0;
    int highest = tight ? limit[at] - '0' : 9;
    for (int digit = 0; digit <= highest; digit++)
        if (digit != before)
            total += count(at + 1, before == 10 && digit == 0 ? 10 : digit, (rest + digit) % m, tight && digit == highest);
    if (!tight) memory = total;
    return total;
}
long long up_to(long long n) {
    limit = std::to_string(n);
    std::memset(known, -1, sizeof known);
    return count(0, 10, 0, true);
}
int main() {
    int q;
    std::cin >> q;
    for (long long a, b; q-- && std::cin >> a >> b >> m;) std::cout << up_to(b) - up_to(a) << '\n';
}

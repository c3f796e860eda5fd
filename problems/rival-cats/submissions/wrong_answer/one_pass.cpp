// Puts each cat where it has fewer rivals so far. That separates half of all pairs, but does not make every cat content.
#include <iostream>
#include <string>
#include <vector>
int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<int>> rivals(n);
    for (int a, b; m-- && std::cin >> a >> b;) {
        rivals[a - 1].push_back(b - 1);
        rivals[b - 1].push_back(a - 1);
    }
    std::string room(n, '?');
    for (int cat = 0; cat < n; cat++) {
        int a = 0, b = 0;
        for (int other : rivals[cat]) a += room[other] == 'A', b += room[other] == 'B';
        room[cat] = a > b ? 'B' : 'A';
    }
    std::cout << room << '\n';
}

// Takes the direct way always.
#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    int n;
    std::cin >> n;
    std::vector<int> s(n), e(n);
    for (int i = 0; i < n; i++) std::cin >> s[i] >> e[i];
    std::vector<std::vector<int>> way(n + 1, std::vector<int>(n + 1));
    for (auto &row : way)
        for (int &minutes : row) std::cin >> minutes;
    const int never = 1 << 30;
    std::vector<std::vector<int>> first(1 << n, std::vector<int>(n, never));
    auto check = [&](int set, int room, int minute) {
        if (minute <= e[room]) first[set][room] = std::min(first[set][room], std::max(minute, s[room]));
    };
    for (int room = 0; room < n; room++) check(1 << room, room, way[0][room + 1]);
    for (int set = 1; set < 1 << n; set++)
        for (int last = 0; last < n; last++)
            if (first[set][last] < never)
                for (int room = 0; room < n; room++)
                    if (!(set >> room & 1)) check(set | 1 << room, room, first[set][last] + way[last + 1][room + 1]);
    int best = *std::min_element(first.back().begin(), first.back().end());
    if (best < never) std::cout << best << '\n';
    else std::cout << "alarm\n";
}

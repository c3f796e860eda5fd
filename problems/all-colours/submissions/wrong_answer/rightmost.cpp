// Of equally short pieces, takes the one farthest to the right.
#include <algorithm>
#include <iostream>
#include <string>
int main() {
    std::string cord;
    std::cin >> cord;
    int seen[26] = {}, colours = 0, now = 0;
    for (char c : cord) colours += !seen[c - 'a']++;
    std::fill(seen, seen + 26, 0);
    size_t begin = 0, best = cord.size() + 1, where = 0;
    for (size_t end = 0; end < cord.size(); end++) {
        now += !seen[cord[end] - 'a']++;
        while (now == colours) {
            if (end - begin + 1 <= best) best = end - begin + 1, where = begin + 1;
            now -= !--seen[cord[begin++] - 'a'];
        }
    }
    std::cout << best << ' ' << where << '\n';
}

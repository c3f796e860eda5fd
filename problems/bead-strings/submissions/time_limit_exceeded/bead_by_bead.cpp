// Adds one bead at a time.
#include <iostream>
#include <vector>
int main() {
    const long long M = 1'000'000'007;
    int k, f, q;
    std::cin >> k >> f >> q;
    std::vector<std::vector<int>> step(k, std::vector<int>(k, 1));
    for (int a, b; f-- && std::cin >> a >> b;) step[a - 1][b - 1] = 0;
    while (q--) {
        long long n, sum = 0;
        std::cin >> n;
        std::vector<long long> ways(k, 1), next(k);
        while (--n) {
            for (int b = 0; b < k; b++) {
                next[b] = 0;
                for (int a = 0; a < k; a++) next[b] += step[a][b] * ways[a];
                next[b] %= M;
            }
            ways.swap(next);
        }
        for (long long w : ways) sum += w;
        std::cout << sum % M << '\n';
    }
}

#include <array>
#include <iostream>
using Matrix = std::array<std::array<long long, 10>, 10>;
const long long M = 1'000'000'007;
Matrix product(const Matrix &a, const Matrix &b) {
    Matrix c{};
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++)
            for (int l = 0; l < 10; l++) c[i][j] = (c[i][j] + a[i][l] * b[l][j]) % M;
    return c;
}
int main() {
    int k, f, q;
    std::cin >> k >> f >> q;
    Matrix step{};
    for (int i = 0; i < k; i++)
        for (int j = 0; j < k; j++) step[i][j] = 1;
    for (int a, b; f-- && std::cin >> a >> b;) step[a - 1][b - 1] = 0;
    while (q--) {
        long long n, sum = 0;
        std::cin >> n;
        Matrix power{}, square = step;
        for (int i = 0; i < 10; i++) power[i][i] = 1;
        for (n--; n; n /= 2) {
            if (n % 2) power = product(power, square);
            square = product(square, square);
        }
        for (int i = 0; i < k; i++)
            for (int j = 0; j < k; j++) sum += power[i][j];
        std::cout << sum % M << '\n';
    }
}

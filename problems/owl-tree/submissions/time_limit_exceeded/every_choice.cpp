// Tries both for every hollow, and remembers nothing.
#include <bits/stdc++.h>
using namespace std;

class Solution {
    long long visit(TreeNode<int> *node, int owls, bool may) {
        if (!node || owls == 0) return 0;
        long long best = 0;
        for (int left = 0; left <= owls; left++) {
            best = max(best, visit(node->left, left, true) + visit(node->right, owls - left, true));
            if (may && left < owls)
                best = max(best, visit(node->left, left, false) + visit(node->right, owls - 1 - left, false) + node->val);
        }
        return best;
    }

public:
    long long owlTree(TreeNode<int> *tree, int owls) {
        return visit(tree, owls, true);
    }
};

// Forgets how many owls there are.
#include <bits/stdc++.h>
using namespace std;

class Solution {
    pair<long long, long long> visit(TreeNode<int> *node) {
        if (!node) return {0, 0};
        auto [left, left_empty] = visit(node->left);
        auto [right, right_empty] = visit(node->right);
        long long empty = left + right;
        return {max(empty, left_empty + right_empty + node->val), empty};
    }

public:
    long long owlTree(TreeNode<int> *tree, int owls) {
        return owls == 0 ? 0 : visit(tree).first;
    }
};

template <class T>
struct ListNode {
    T val;
    ListNode *next;
    ListNode() : val(), next(nullptr) {}
    ListNode(T val) : val(val), next(nullptr) {}
    ListNode(T val, ListNode *next) : val(val), next(next) {}
};

namespace cupel_driver {

template <class T>
struct Codec<ListNode<T> *> {
    static ListNode<T> *read(Reader &in) {
        ListNode<T> *first = nullptr;
        ListNode<T> **last = &first;
        for (long long count = in.integer(); count > 0; count--) {
            *last = new ListNode<T>(Codec<T>::read(in));
            last = &(*last)->next;
        }
        return first;
    }
    static void write(const ListNode<T> *node, Writer &to) {
        std::vector<const T *> items;
        for (; node; node = node->next) {
            if (items.size() == NODES_MAX) throw Wrong{"the result has a cycle"};
            items.push_back(&node->val);
        }
        to.word(std::to_string(items.size()));
        for (const T *item : items) Codec<T>::write(*item, to);
    }
};

}  // namespace cupel_driver

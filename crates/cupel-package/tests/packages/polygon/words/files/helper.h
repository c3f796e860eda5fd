inline int zero() { return 0; }

// Accepts one number from 1 to 1000.
#include "testlib.h"

int main(int argc, char* argv[]) {
    registerValidation(argc, argv);
    inf.readInt(1, 1000, "number");
    inf.readEoln();
    inf.readEof();
}

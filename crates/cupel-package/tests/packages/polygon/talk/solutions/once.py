print("! 500")

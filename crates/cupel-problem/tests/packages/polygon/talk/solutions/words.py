print("it is seven")

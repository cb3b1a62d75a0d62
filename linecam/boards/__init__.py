"""Would this board run the model, how fast, and in which memory?"""

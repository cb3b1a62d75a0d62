"""The PC's end of the cable: copy a bundle to the camera's drive, receive frames."""

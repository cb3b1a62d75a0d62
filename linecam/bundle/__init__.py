"""What ships to the camera: its bill of materials, its ROMFS image, its signature."""

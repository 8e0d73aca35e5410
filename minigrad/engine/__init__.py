"""What makes the framework fast and safe, and what no lesson needs: libraries, buffers, threads, checks."""

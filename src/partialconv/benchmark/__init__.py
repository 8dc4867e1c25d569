"""Any inpainting methods side by side: same photos, same holes, same clock, scores with intervals, a report."""

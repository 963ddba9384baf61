"""What a stack shows: Stack → View, the files a layer's tree holds beside its linked wheels."""

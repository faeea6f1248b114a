"""The loop over epochs, and the engines that run one."""

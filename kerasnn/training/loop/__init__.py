"""One run of training: the job, the engines that can run it, and the loop over epochs."""

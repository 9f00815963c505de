namespace MLNetExtensions.Tests.Torch;

[TestClass]
public sealed class LearningRateScheduleTests
{
    [TestMethod]
    [DataRow(LearningRateSchedule.Constant, new[] { 1.0, 1, 1, 1, 1, 1 })]
    [DataRow(LearningRateSchedule.HalvingEveryEpoch, new[] { 1.0, 1, 0.5, 0.25, 0.125, 0.0625 })]
    [DataRow(LearningRateSchedule.DelayedExponential, new[] { 1.0, 1, 1, 1, 0.9, 0.81 })]
    [DataRow(LearningRateSchedule.WarmupCosine, new[] { 0.01, 0.505, 1, 0.85355339059327373, 0.5, 0.14644660940672627 })]
    [DataRow(LearningRateSchedule.Cosine, new[] { 1, 0.93301270189221932, 0.75, 0.5, 0.25, 0.066987298107780702 })]
    public void RatesOfSixEpochs(LearningRateSchedule schedule, double[] expected)
    {
        for (int epoch = 1; epoch <= 6; epoch++)
        {
            Assert.AreEqual(0.003 * expected[epoch - 1], schedule.Rate(0.003, epoch, 6), 1e-15);
        }
    }

    [TestMethod]
    public void HalvingLeavesOneHundredAndTwentyEighthAfterEightEpochs()
        => Assert.AreEqual(1.0 / 128, LearningRateSchedule.HalvingEveryEpoch.Rate(1, 9, 30));

    [TestMethod]
    public void WarmupCosineChangesWithinAnEpoch()
    {
        static double Rate(int epoch, double progress, int warmup) => LearningRateSchedule.WarmupCosine.Rate(2, epoch, progress, 6, new(warmup, 0.1));
        Assert.AreEqual(0.2, Rate(1, 0, 3), 1e-15);
        Assert.AreEqual(2 * (0.1 + 0.9 * 1.25 / 3), Rate(2, 0.25, 3), 1e-15);
        Assert.AreEqual(2, Rate(4, 0, 3), 1e-15);
        Assert.AreEqual(1, Rate(5, 0.5, 3), 1e-15);
        Assert.AreEqual(1 + Math.Cos(Math.PI * 5.75 / 6), Rate(6, 0.75, 0), 1e-15, "without a warm-up");
        Assert.AreEqual(2 * (0.1 + 0.9 * 5.5 / 6), Rate(6, 0.5, 6), 1e-15, "nothing but a warm-up");
        Assert.AreEqual(LearningRateSchedule.Cosine.Rate(2, 4, 6), Rate(4, 0, 0), 1e-15);
    }

    [TestMethod]
    public void ProgressReadsAsALine()
    {
        var progress = new TrainingProgress { Epoch = 3, MaximumNumberOfEpochs = 30, TrainingLoss = 0.25, ValidationLoss = 0.5, LearningRate = 5e-4, BestEpoch = 2, Elapsed = TimeSpan.FromSeconds(12.34) };
        Assert.AreEqual("Epoch 3/30: training loss 0.25, validation loss 0.5 (best epoch 2), learning rate 0.0005, 12.3 s", progress.ToString());
    }
}

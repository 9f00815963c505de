using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests.Hosting;

[TestClass]
public sealed class ClassifierDataTests
{
    /// <summary>Reads rows whose only feature is their number.</summary>
    private static ClassifierData Read(Func<int, int> key, int rows, int keys = 9)
    {
        var ml = new MLContext(1);
        var data = new TestView(rows).Add("Label", new KeyDataViewType(typeof(uint), keys), row => (uint)key(row)).Add("Features", NumberDataViewType.Single, row => (float)row);
        return ClassifierData.Read(((Microsoft.ML.Runtime.IHostEnvironment)ml).Register("test"), data, default, new("Features", "feature", InputTypes.Single, InputShapes.Scalar), ClassLabels.Column("Label"));
    }

    private static int[] Shares(ClassifierData data, int[] rows) => [.. rows.CountBy(data.ClassOf).OrderBy(pair => pair.Key).Select(pair => pair.Value)];

    [TestMethod]
    public void TheSplitKeepsTheSharesOfTheClasses()
    {
        var data = Read(row => row % 10 < 6 ? 1 : row % 10 < 9 ? 3 : 7, 200);
        var (training, validation) = data.Split(0.2, seed: 5);
        CollectionAssert.AreEqual(new[] { 24, 12, 4 }, Shares(data, validation));
        CollectionAssert.AreEqual(new[] { 96, 48, 16 }, Shares(data, training));
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 200).ToArray(), training.Concat(validation).ToArray());
        CollectionAssert.AreEqual(validation, data.Split(0.2, seed: 5).Validation);
        CollectionAssert.AreNotEqual(validation, data.Split(0.2, seed: 6).Validation);
        Assert.IsEmpty(data.Split(0, seed: 5).Validation);
        CollectionAssert.AreEqual(data.Rows, data.Split(0, seed: 5).Training);
    }

    [TestMethod]
    public void EveryClassKeepsARowToTrainOn()
    {
        // Two rows of each of eight classes: of 1.6 wanted from two classes, each gives one at most.
        var data = Read(row => row % 8 + 1, 16);
        foreach (var fraction in new[] { 0.01, 0.2, 0.5, 0.9 })
        {
            var (training, validation) = data.Split(fraction, seed: 1);
            Assert.IsNotEmpty(validation);
            Assert.IsGreaterThanOrEqualTo(1, Shares(data, training).Min());
            Assert.HasCount(8, Shares(data, training));
            Assert.HasCount(Math.Clamp((int)Math.Round(16 * fraction), 1, 8), validation);
        }
        var single = Read(row => row % 8 + 1, 8);
        Must.Contain(Must.Fail<InvalidOperationException>(() => single.Split(0.2, seed: 1)).Message, "8 classes", "ValidationFraction");
    }

    [TestMethod]
    public void RowsWithoutAClassAreLeftOut()
    {
        var data = Read(row => row % 3, 30, keys: 2);
        Assert.HasCount(20, data.Rows);
        Assert.AreEqual(0, data.ClassOf(1));
        Assert.AreEqual(1, data.ClassOf(2));
        Assert.AreEqual(2, data.Labels.Count);
        Assert.IsTrue(data.Labels.IsMissing(0) && data.Labels.IsMissing(3) && !data.Labels.IsMissing(2));
    }
}

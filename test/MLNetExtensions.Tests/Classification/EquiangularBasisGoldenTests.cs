using MLNetExtensions.Tests.Golden;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
[TestCategory("Golden")]
public sealed class EquiangularBasisGoldenTests
{
    private const double Tolerance = 1e-9;
    private const double ToleranceFloat32 = 1e-5;
    private const int LaterStep = 10;

    private static IEnumerable<object[]> GenerateRows => GoldenFiles.Rows("ebv", "generate");

    private static IEnumerable<object[]> BoundRows => GoldenFiles.Rows("ebv", "bounds");

    [TestMethod]
    [DynamicData(nameof(GenerateRows))]
    public void Generators(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "ebv.generate");
        using var scope = NewDisposeScope();
        golden.Choose<Action<GoldenCase>>("method", ("hinge", Hinge), ("smooth_max", Smooth), ("simplex", Simplex))(golden);
    }

    [TestMethod]
    [DynamicData(nameof(BoundRows))]
    public void Bounds(string file, string entry)
    {
        var golden = GoldenFiles.Open(file, entry, "ebv.bounds");
        var sizes = golden.Doubles("dN");
        Assert.AreEqual(2, golden.Shape("dN")[1]);
        foreach (var (name, bound) in new (string, Func<long, long, double>)[]
        {
            ("welch", BasisBounds.Welch),
            ("levenshtein", BasisBounds.Levenshtein),
            ("welch_k234", BasisBounds.WelchOfHigherOrder),
            ("best_lower_bound", BasisBounds.Best),
            ("random_estimate", BasisBounds.RandomEstimate),
        })
        {
            golden.AssertValues(name, [.. sizes.Chunk(2).Select(pair => bound((long)pair[1], (long)pair[0]))], Tolerance);
        }
    }

    private static void Hinge(GoldenCase golden)
    {
        var slice = (int)golden.Scalar("slice");
        var steps = (int)golden.Shape("loss_per_step")[0];
        using (var hinge = Create(ScalarType.Float64))
        {
            var (losses, maxima) = (new List<double>(), new List<double>());
            for (var step = 0; step < steps; step++)
            {
                var sums = hinge.Evaluate();
                losses.Add(sums.Sum);
                maxima.Add(sums.Maximum);
                if (step == 0)
                {
                    golden.AssertValues("slice_losses", sums.RowSums, Tolerance);
                    golden.AssertValues("loss0", [sums.Sum], Tolerance);
                    golden.AssertClose("grad0", hinge.Gradient, Tolerance);
                }
                if (step == LaterStep)
                {
                    golden.AssertClose("V_after_10", hinge.Vectors, Tolerance);
                }
                hinge.Move();
                if (step == 0)
                {
                    golden.AssertClose("V1_unnormalised", hinge.Vectors, Tolerance);
                }
            }
            golden.AssertValues("loss_per_step", [.. losses], Tolerance);
            golden.AssertValues("max_abs_cos_per_step", [.. maxima], Tolerance);
        }
        using (var hinge = Create(ScalarType.Float64))
        {
            var stop = (int)golden.Scalar("steps_to_stop");
            var run = hinge.Run(stop < 0 ? steps : stop + 1, default);
            if (stop < 0)
            {
                Assert.AreNotEqual(HingeEnd.Threshold, run.End);
            }
            else
            {
                Assert.AreEqual((HingeEnd.Threshold, stop), (run.End, run.Steps));
                golden.AssertClose("V_final", run.Vectors, Tolerance);
            }
        }
        using (var hinge = Create(ScalarType.Float32))
        {
            golden.AssertValues("loss0", [hinge.Evaluate().Sum], ToleranceFloat32);
            golden.AssertClose("grad0", hinge.Gradient, ToleranceFloat32);
        }

        HingeGenerator Create(ScalarType dtype) => new(golden.Tensor("V0", dtype), golden.Scalar("threshold"), golden.Scalar("lr"), 1, slice);
    }

    private static void Smooth(GoldenCase golden)
    {
        golden.Choose("beta_schedule", ("geometric", true));
        golden.Choose("lr_schedule", ("cosine", true));
        var schedule = new SmoothSchedule((int)golden.Scalar("steps"), golden.Scalar("lr0"), golden.Scalar("beta0"), golden.Scalar("beta1"))
        {
            Optimizer = golden.Choose("optimizer", ("adam", OptimizerKind.Adam), ("adamw", OptimizerKind.AdamW), ("radam", OptimizerKind.RAdam)),
            Beta1 = golden.Number("beta1"),
            Beta2 = golden.Number("beta2"),
            Epsilon = golden.Number("eps"),
        };
        golden.AssertValues("beta_per_step", [.. Enumerable.Range(0, schedule.Steps).Select(schedule.Sharpness)], Tolerance);
        golden.AssertValues("lr_per_step", [.. Enumerable.Range(0, schedule.Steps).Select(schedule.Rate)], Tolerance);

        using var smooth = new SmoothMaximum(golden.Tensor("V0", ScalarType.Float64), schedule, 1);
        smooth.Evaluate(schedule.Sharpness(0));
        golden.AssertClose("grad0_tangent", smooth.Gradient, Tolerance);
        var maxima = new List<double>();
        // No bound that could end it early.
        var (best, maximum) = smooth.Run(double.NegativeInfinity, default, (step, largest) =>
        {
            maxima.Add(largest);
            if (step is 1 or LaterStep)
            {
                golden.AssertClose(step == 1 ? "V1" : "V_after_10", smooth.Vectors, Tolerance);
            }
        });
        golden.AssertValues("max_abs_cos_per_step", [.. maxima], Tolerance);
        golden.AssertClose("V_best", best, Tolerance);
        golden.AssertValues("best_max_abs_cos", [maximum], Tolerance);

        using var single = new SmoothMaximum(golden.Tensor("V0", ScalarType.Float32), schedule, 1);
        single.Evaluate(schedule.Sharpness(0));
        golden.AssertClose("grad0_tangent", single.Gradient, ToleranceFloat32);
    }

    private static void Simplex(GoldenCase golden)
    {
        var helmert = ExactBases.Helmert((int)golden.Shape("V")[0]);
        golden.AssertClose("helmert", helmert, Tolerance);
        var vectors = ExactBases.Simplex(helmert, golden.Tensor("U", ScalarType.Float64));
        golden.AssertClose("V", vectors, Tolerance);
        golden.AssertClose("gram", mm(vectors, vectors.t()), Tolerance);
    }
}

using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Torch;
using TorchSharp;

namespace MLNetExtensions.Tests;

public sealed partial class ConformanceTests
{
    // ---- Native memory ----

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void ScoringLeavesNoTensors(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var view = Model(entry).Transform(entry.Data(1000));
        Tensors.AssertNoneLeft(() => Snapshot.Of(view));
        Tensors.AssertNoneLeft(() =>
        {
            using var halfRead = view.GetRowCursor(view.Schema);
            halfRead.MoveNext();
            halfRead.MoveNext();
        });
        if (entry.Engine is not null)
        {
            Tensors.AssertNoneLeft(() => entry.Engine(new MLContext(), Model(entry), 1000));
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void FittingSavingAndLoadingLeaveNoTensorsAfterDispose(string name)
    {
        const int Fits = 5;
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var estimator = entry.Create(ml);
        Tensors.AssertNoneLeft(() =>
        {
            for (var i = 0; i < Fits; i++)
            {
                using var model = (IDisposable)estimator.Fit(entry.Data(entry.Rows));
            }
        }, counted: Fits * entry.CountedParameters);
        var file = Models.Save(ml, Model(entry));
        Tensors.AssertNoneLeft(() => Models.Save(ml, Model(entry)));
        Tensors.AssertNoneLeft(() => (Models.Load(file) as IDisposable)!.Dispose(), counted: entry.CountedParameters);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void DisposingAChainDisposesTheModelInIt(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        Tensors.AssertNoneLeft(() =>
        {
            var chain = ml.Transforms.CopyColumns("Copy", entry.Inputs[0]).Append(entry.Create(ml)).Fit(entry.Data(entry.Rows));
            chain.Dispose();
            chain.Dispose();
        }, counted: entry.CountedParameters);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void ADisposeScopeOfTheCallerDoesNotOwnTheModel(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        ITransformer fitted;
        ITransformer loaded;
        using (torch.NewDisposeScope())
        {
            fitted = entry.Create(ml).Fit(entry.Data(entry.Rows));
            loaded = Models.Load(Models.Save(ml, fitted));
        }
        var data = entry.Data(40);
        Snapshot.AssertEqual(Snapshot.Of(fitted.Transform(data)), Snapshot.Of(loaded.Transform(data)));
        (fitted as IDisposable)?.Dispose();
        (loaded as IDisposable)?.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void UseAfterDisposeIsRefused(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var data = entry.Data(entry.Rows);
        var model = entry.Create(ml).Fit(data);
        var view = model.Transform(data);
        using var open = view.GetRowCursor(view.Schema);
        Assert.IsTrue(open.MoveNext());
        var row = entry.IsRowScorer ? model.GetRowToRowMapper(data.Schema) : null;
        var disposable = (IDisposable)model;
        disposable.Dispose();
        disposable.Dispose();
        Displayed.Check(model);
        Must.Fail<ObjectDisposedException>(() => model.Transform(data));
        Must.Fail<ObjectDisposedException>(() => view.GetRowCursor(view.Schema));
        Must.Fail<ObjectDisposedException>(() => view.GetRowCursorSet(view.Schema, 2));
        Must.Fail<ObjectDisposedException>(() => { while (open.MoveNext()) { } });
        Assert.IsInstanceOfType<ObjectDisposedException>(Must.Innermost(Must.Catch(() => Models.Save(ml, model))));
        if (row is not null)
        {
            Must.Fail<ObjectDisposedException>(() => model.GetRowToRowMapper(data.Schema));
            using var cursor = data.GetRowCursor(data.Schema);
            cursor.MoveNext();
            Must.Fail<ObjectDisposedException>(() => Snapshot.Cell(row.GetRow(cursor, row.OutputSchema), row.OutputSchema[^1])());
        }
    }

    // ---- Determinism ----

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TheSameSeedGivesTheSameModelBitForBit(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var (a, b) = (new ModelZip(Models.Save(new MLContext(), entry.Create(new MLContext(7)).Fit(entry.Data(entry.Rows)))), new ModelZip(Models.Save(new MLContext(), entry.Create(new MLContext(7)).Fit(entry.Data(entry.Rows)))));
        foreach (var path in a.Entries.Keys)
        {
            CollectionAssert.AreEqual(a.Entries[path], b.Entries[path], path);
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TwoFitsOfOneEstimatorAreEqualAndIndependent(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var estimator = entry.Create(new MLContext(7));
        var data = entry.Data(entry.Rows);
        var first = estimator.Fit(data);
        var second = estimator.Fit(data);
        var scores = Snapshot.Of(first.Transform(data));
        (first as IDisposable)?.Dispose();
        Snapshot.AssertEqual(scores, Snapshot.Of(second.Transform(data)), tolerance: 0);
        // Other data in between changes nothing.
        (estimator.Fit(entry.Data(entry.Rows - 30)) as IDisposable)?.Dispose();
        Snapshot.AssertEqual(scores, Snapshot.Of(estimator.Fit(data).Transform(data)), tolerance: 0);
        (second as IDisposable)?.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TorchIsLeftAsItWasFound(string name)
    {
        var entry = ConformanceEntries.Find(name);
        using var scope = torch.NewDisposeScope();
        var state = State();
        var data = entry.Data(entry.Rows);
        using (torch.inference_mode())
        {
            // Whatever mode the caller is in.
            (entry.Create(new MLContext(1)).Fit(data) as IDisposable)?.Dispose();
        }
        var model = entry.Create(new MLContext(1)).Fit(data);
        Snapshot.Of(model.Transform(data));
        var loaded = Models.Load(Models.Save(new MLContext(), model));
        Snapshot.Of(loaded.Transform(data));
        Assert.AreEqual(state, State());
        (model as IDisposable)?.Dispose();
        (loaded as IDisposable)?.Dispose();

        static string State() => $"{Convert.ToHexString(torch.random.get_rng_state().bytes)} {torch.get_num_threads()} {torch.is_grad_enabled()} {torch.is_inference_mode_enabled()} {torch.get_default_dtype()}";
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void ResultsDoNotDependOnTheCulture(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(entry.Rows);
        var invariant = Run();
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("tr-TR");
            Assert.AreEqual(",", CultureInfo.CurrentCulture.NumberFormat.NumberDecimalSeparator);
            var turkish = Run();
            Snapshot.AssertEqual(invariant.Scores, turkish.Scores, tolerance: 0);
            foreach (var path in invariant.File.Entries.Keys)
            {
                CollectionAssert.AreEqual(invariant.File.Entries[path], turkish.File.Entries[path], path);
            }
            SchemaAssert.AreEqual(invariant.Schema, turkish.Schema);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }

        (Snapshot Scores, ModelZip File, DataViewSchema Schema) Run()
        {
            var ml = new MLContext(1);
            var file = Models.Save(ml, entry.Create(ml).Fit(data));
            var view = Models.Load(file).Transform(data);
            return (Snapshot.Of(view), new(file), view.Schema);
        }
    }

    // ---- Training ----

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Readers), typeof(ConformanceEntries))]
    public void NoRowsCannotBeFitted(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var estimator = entry.Create(new MLContext(1));
        Tensors.AssertNoneLeft(() => Must.Fail<InvalidOperationException>(() => estimator.Fit(entry.Data(0))));
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Readers), typeof(ConformanceEntries))]
    public void TrainingReadsTheDataOnceAndOnlyWhatItNeeds(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(entry.Rows);
        (entry.Create(new MLContext(1)).Fit(data) as IDisposable)?.Dispose();
        Assert.AreEqual(1, data.CursorsOpened);
        Assert.AreEqual(1, data.CursorsClosed);
        Assert.IsNotEmpty(entry.Inputs.Intersect(data.ColumnsAsked));
        Assert.DoesNotContain("Note", data.ColumnsAsked);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Trainers), typeof(ConformanceEntries))]
    public void OptionsAreCopiedAndNeverWritten(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var options = entry.Options!();
        var before = Describe(options);
        var ml = new MLContext(1);
        var data = entry.Data(entry.Rows);
        var estimator = entry.CreateWith!(ml, options);
        var expected = Snapshot.Of(estimator.Fit(data).Transform(data));
        Assert.AreEqual(before, Describe(options));
        options.MaximumNumberOfEpochs = 1;
        options.LearningRate *= 10;
        options.BatchSize = 3;
        options.Seed = 99;
        foreach (var property in options.GetType().GetProperties().Where(property => property.PropertyType == typeof(string) && property.Name.EndsWith("ColumnName", StringComparison.Ordinal)))
        {
            property.SetValue(options, "Changed");
        }
        Snapshot.AssertEqual(expected, Snapshot.Of(estimator.Fit(data).Transform(data)), tolerance: 0);

        static string Describe(object options) => string.Join('\n', options.GetType().GetProperties().OrderBy(property => property.Name).Select(property => $"{property.Name}={property.GetValue(options)}"));
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Trainers), typeof(ConformanceEntries))]
    public void WithoutASeedTheContextDrawsItOnce(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(entry.Rows);
        var options = entry.Options!();
        options.Seed = null;
        var estimator = entry.CreateWith!(new MLContext(5), options);
        var first = Snapshot.Of(estimator.Fit(data).Transform(data));
        Snapshot.AssertEqual(first, Snapshot.Of(estimator.Fit(data).Transform(data)), tolerance: 0);
        Snapshot.AssertEqual(first, Snapshot.Of(entry.CreateWith!(new MLContext(5), options).Fit(data).Transform(data)), tolerance: 0);
        Assert.Throws<AssertFailedException>(() => Snapshot.AssertEqual(first, Snapshot.Of(entry.CreateWith!(new MLContext(6), options).Fit(data).Transform(data)), tolerance: 0), "Another seed gave the same model.");
        Assert.IsNull(options.Seed);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Trainers), typeof(ConformanceEntries))]
    public void ATrainingCancelledInItsFirstEpochLeavesNothing(string name)
    {
        var entry = ConformanceEntries.Find(name);
        Tensors.AssertNoneLeft(() =>
        {
            using var source = new CancellationTokenSource();
            var epochs = 0;
            var options = entry.Options!();
            options.CancellationToken = source.Token;
            options.Progress = new ImmediateProgress(_ => epochs++);
            var data = entry.Data(entry.Rows);
            // After the data is read, so that the training is the first to see it.
            data.OnRow = row =>
            {
                if (row == entry.Rows - 1)
                {
                    source.Cancel();
                }
            };
            Assert.Throws<OperationCanceledException>(() => entry.CreateWith!(new MLContext(1), options).Fit(data));
            Assert.AreEqual(0, epochs);
        }, counted: entry.CountedParameters);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Trainers), typeof(ConformanceEntries))]
    public void ATrainingCancelledLaterThrowsOrReturnsItsBest(string name)
    {
        var entry = ConformanceEntries.Find(name);
        Tensors.AssertNoneLeft(() =>
        {
            foreach (var behavior in Enum.GetValues<CancellationBehavior>())
            {
                using var source = new CancellationTokenSource();
                var epochs = 0;
                var options = entry.Options!();
                options.MaximumNumberOfEpochs = 100;
                options.OnCancellation = behavior;
                options.CancellationToken = source.Token;
                options.Progress = new ImmediateProgress(progress =>
                {
                    epochs = progress.Epoch;
                    source.Cancel();
                });
                var estimator = entry.CreateWith!(new MLContext(1), options);
                if (behavior == CancellationBehavior.Throw)
                {
                    Assert.Throws<OperationCanceledException>(() => estimator.Fit(entry.Data(entry.Rows)));
                }
                else
                {
                    (estimator.Fit(entry.Data(entry.Rows)) as IDisposable)!.Dispose();
                }
                Assert.AreEqual(1, epochs);
            }
        }, counted: 2 * entry.CountedParameters);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Trainers), typeof(ConformanceEntries))]
    public void AnExceptionOfTheCallerEndsTheTrainingAndLeavesNothing(string name)
    {
        var entry = ConformanceEntries.Find(name);
        Tensors.AssertNoneLeft(() =>
        {
            var options = entry.Options!();
            options.Progress = new ImmediateProgress(_ => throw new NotImplementedException("mine"));
            var data = entry.Data(entry.Rows);
            Assert.AreEqual("mine", Must.Innermost(Must.Catch(() => entry.CreateWith!(new MLContext(1), options).Fit(data))).Message);
            Assert.AreEqual(data.CursorsOpened, data.CursorsClosed);
        }, counted: entry.CountedParameters);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Trainers), typeof(ConformanceEntries))]
    public void TrainingsAtTheSameTimeEqualThoseOneAfterTheOther(string name)
    {
        var entry = ConformanceEntries.Find(name);
        Snapshot Run(int seed)
        {
            // Scoring too: sums that threads share are rounded otherwise.
            using var one = TorchThreads.Use(1);
            var options = entry.Options!();
            options.Seed = seed;
            var data = entry.Data(entry.Rows);
            var model = entry.CreateWith!(new MLContext(1), options).Fit(data);
            var scores = Snapshot.Of(model.Transform(data));
            (model as IDisposable)?.Dispose();
            return scores;
        }
        var expected = Enumerable.Range(0, 4).Select(Run).ToArray();
        var actual = new Snapshot[expected.Length];
        var threads = actual.Select((_, i) => new Thread(() => actual[i] = Run(i))).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
        for (var i = 0; i < expected.Length; i++)
        {
            Snapshot.AssertEqual(expected[i], actual[i], tolerance: 0);
        }
    }

    // ---- Composition ----

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void EveryTransformerScopeTakesTheEstimator(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(entry.Rows);
        var file = Models.Save(new MLContext(1), Model(entry));
        foreach (var scope in new[] { TransformerScope.Everything, TransformerScope.TrainTest, TransformerScope.Scoring, TransformerScope.Training, TransformerScope.Testing, TransformerScope.None })
        {
            var ml = new MLContext(1);
            var model = new EstimatorChain<ITransformer>().Append(new Fitted(Models.Load(file)), scope).Fit(data);
            Snapshot.AssertEqual(Snapshot.Of(Model(entry).Transform(data)), Snapshot.Of(model.Transform(data)));
            var loaded = (TransformerChain<ITransformer>)Models.Load(Models.Save(ml, model));
            Snapshot.AssertEqual(Snapshot.Of(model.Transform(data)), Snapshot.Of(loaded.Transform(data)));
            var part = loaded.GetModelFor(TransformerScope.Scoring);
            Assert.AreEqual(scope.HasFlag(TransformerScope.Scoring) ? 1 : 0, part.Count());
            model.Dispose();
            loaded.Dispose();
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void AfterACacheTheScoresAreTheSame(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var data = entry.Data(entry.Rows);
        using var model = ml.Transforms.CopyColumns("Copy", entry.Inputs[0]).AppendCacheCheckpoint(ml).Append(entry.Create(ml)).Fit(data);
        var view = model.Transform(data);
        var expected = Snapshot.Of(Model(entry).Transform(data));
        var actual = Snapshot.Of(view);
        // The copied column lies between the input and the outputs.
        Snapshot.AssertEqual(expected, new([.. actual.Rows.Select(row => row with { Values = [.. row.Values.Where((_, i) => i != data.Schema.Count)] })]));
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TwiceInOneChainTheSecondHidesTheFirst(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var data = entry.Data(entry.Rows);
        using var model = new EstimatorChain<ITransformer>().Append(entry.Create(ml)).Append(entry.Create(ml)).Fit(data);
        using var loaded = (TransformerChain<ITransformer>)Models.Load(Models.Save(ml, model));
        foreach (var chain in new[] { model, loaded })
        {
            var rows = Snapshot.Of(chain.Transform(data)).Rows;
            Snapshot.AssertEqual(Snapshot.Of(Model(entry).Transform(data)), new(rows));
            var (inputs, outputs) = (data.Schema.Count, entry.Outputs.Count);
            foreach (var row in rows)
            {
                for (var i = 0; i < outputs; i++)
                {
                    Snapshot.AssertSame(row.Values[inputs + i]!, row.Values[inputs + outputs + i]!, 1e-6, entry.Outputs[i]);
                }
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TheOutputFeedsOtherTransformsAndFiles(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var data = entry.Data(entry.Rows);
        using var model = new EstimatorChain<ITransformer>().Append(entry.Create(ml)).Append(ml.Transforms.CopyColumns("Copy", entry.Outputs[^1])).Append(ml.Transforms.Concatenate("All", "Copy")).Fit(data);
        var view = model.Transform(data);
        var expected = Snapshot.Of(view);
        using var stream = new MemoryStream();
        ml.Data.SaveAsBinary(view, stream, keepHidden: true);
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllBytes(path, stream.ToArray());
            var read = ml.Data.LoadFromBinary(path);
            SchemaAssert.AreEqual(view.Schema, read.Schema);
            Snapshot.AssertEqual(expected, Snapshot.Of(read), ids: false);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Hands out a model that is trained already.</summary>
    private sealed class Fitted(ITransformer model) : IEstimator<ITransformer>
    {
        public ITransformer Fit(IDataView input) => model;

        public SchemaShape GetOutputSchema(SchemaShape inputSchema) => inputSchema;
    }
}

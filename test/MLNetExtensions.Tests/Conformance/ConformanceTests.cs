using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions.Tests;

/// <summary>What ML.NET's own estimator test asks of an estimator, and what it should. Each test runs for every entry of <see cref="ConformanceEntries"/>.</summary>
[TestClass]
public sealed partial class ConformanceTests
{
    private static readonly Dictionary<string, ITransformer> s_models = [];

    /// <summary>A model that tests share: none of them may dispose it.</summary>
    private static ITransformer Model(ConformanceEntry entry)
    {
        if (!s_models.TryGetValue(entry.Name, out var model))
        {
            model = entry.Create(new MLContext(1)).Fit(entry.Data(entry.Rows));
            s_models.Add(entry.Name, model);
        }
        return model;
    }

    private static bool IsOutput(IDataView input, DataViewSchema.Column column) => column.Index >= input.Schema.Count;

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TheModelShowsItself(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var html = Displayed.Check(Model(entry));
        Must.Contain(html.Value, [Model(entry).GetType().Name, .. entry.Inputs]);
    }

    // ---- Schema ----

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void SchemaPromiseEqualsDelivery(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(entry.Rows);
        var promise = entry.Create(new MLContext(1)).GetOutputSchema(SchemaShape.Create(data.Schema));
        var delivery = SchemaShape.Create(Model(entry).GetOutputSchema(data.Schema));
        CollectionAssert.AreEquivalent(promise.Select(column => column.Name).ToArray(), delivery.Select(column => column.Name).ToArray());
        foreach (var promised in promise)
        {
            Assert.IsTrue(delivery.TryFindColumn(promised.Name, out var delivered));
            Assert.IsTrue(promised.IsCompatibleWith(delivered), $"'{promised.Name}' promises what is not delivered.");
            Assert.IsTrue(delivered.IsCompatibleWith(promised), $"'{promised.Name}' delivers what was not promised.");
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TransformKeepsTheInputAndAddsTheOutputs(string name)
    {
        var entry = ConformanceEntries.Find(name);
        foreach (var data in Views(entry))
        {
            var schema = Model(entry).GetOutputSchema(data.Schema);
            SchemaAssert.AreEqual(schema, Model(entry).Transform(data).Schema);
            CollectionAssert.AreEqual(data.Schema.Select(column => column.Name).Concat(entry.Outputs).ToArray(), schema.Select(column => column.Name).ToArray());
            Assert.IsTrue(data.Schema.All(column => column.Type.Equals(schema[column.Index].Type)));
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void DataWithoutWhatOnlyTrainingNeedsIsTransformedAndNotFitted(string name)
    {
        var entry = ConformanceEntries.Find(name);
        if (entry.TransformOnly is null)
        {
            return;
        }
        var data = entry.TransformOnly(50);
        Must.Fail(() => entry.Create(new MLContext(1)).GetOutputSchema(SchemaShape.Create(data.Schema)));
        Must.Fail(() => entry.Create(new MLContext(1)).Fit(data));
        Assert.AreEqual(0, data.CursorsOpened);
        Assert.HasCount(50, Snapshot.Of(Model(entry).Transform(data)).Rows);
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void DataThatOnlyTrainingTakesIsFittedAndNotTransformed(string name)
    {
        var entry = ConformanceEntries.Find(name);
        if (entry.FitOnly is null)
        {
            return;
        }
        var data = entry.FitOnly(entry.Rows);
        var estimator = entry.Create(new MLContext(1));
        estimator.GetOutputSchema(SchemaShape.Create(data.Schema));
        var model = estimator.Fit(data);
        Must.Fail(() => model.GetOutputSchema(data.Schema));
        Must.Fail(() => model.Transform(data));
        (model as IDisposable)?.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TheEstimatorRefusesInvalidDataBeforeItReadsAny(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var estimator = entry.Create(new MLContext(1));
        foreach (var invalid in entry.Invalid)
        {
            var data = invalid.Create();
            CheckRefusal(invalid, Must.Fail(() => estimator.GetOutputSchema(SchemaShape.Create(data.Schema))), exactType: false);
            CheckRefusal(invalid, Must.Fail(() => estimator.Fit(data)), exactType: false);
            Assert.AreEqual(0, data.CursorsOpened);
        }
        Must.Fail<ArgumentNullException>(() => estimator.GetOutputSchema(null));
        Must.Fail<ArgumentNullException>(() => estimator.Fit(null));
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TheModelRefusesInvalidDataAtTheCall(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var loaded = Models.Load(Models.Save(new MLContext(), Model(entry)));
        foreach (var invalid in entry.Invalid.Concat(entry.InvalidForModel))
        {
            foreach (var model in new[] { Model(entry), loaded })
            {
                var data = invalid.Create();
                CheckRefusal(invalid, Must.Fail(() => model.GetOutputSchema(data.Schema)), exactType: true);
                CheckRefusal(invalid, Must.Fail(() => model.Transform(data)), exactType: true);
                Must.Fail(() => model.GetRowToRowMapper(data.Schema));
                Assert.AreEqual(0, data.CursorsOpened);
            }
        }
        Must.Fail<ArgumentNullException>(() => Model(entry).GetOutputSchema(null));
        Must.Fail<ArgumentNullException>(() => Model(entry).Transform(null));
        (loaded as IDisposable)?.Dispose();
    }

    private static void CheckRefusal(InvalidData invalid, Exception e, bool exactType)
    {
        Assert.IsInstanceOfType<ArgumentOutOfRangeException>(e, invalid.What);
        Must.Contain(e.Message, invalid.Column);
        if (invalid.Type is { } type)
        {
            // The shape of a schema knows no sizes.
            Must.Contain(e.Message, "expected", exactType ? type : type.Split(',')[0]);
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void AnOutputHidesAnInputOfItsName(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var (estimator, data) = entry.Hiding(ml);
        var promise = estimator.GetOutputSchema(SchemaShape.Create(data.Schema));
        // One of the outputs takes the place of an input.
        Assert.HasCount(data.Schema.Count + entry.Outputs.Count - 1, promise);
        var model = estimator.Fit(data);
        var view = model.Transform(data);
        Assert.HasCount(data.Schema.Count + entry.Outputs.Count, view.Schema);
        var delivery = SchemaShape.Create(view.Schema);
        foreach (var column in promise)
        {
            Assert.IsTrue(delivery.TryFindColumn(column.Name, out var delivered) && delivered.IsCompatibleWith(column) && column.IsCompatibleWith(delivered));
        }
        var hidden = view.Schema.Single(column => column.IsHidden);
        Assert.IsGreaterThanOrEqualTo(data.Schema.Count, view.Schema[hidden.Name].Index);
        // The hidden column still reads as the input did.
        Snapshot.AssertEqual(Snapshot.Of(data), Snapshot.Of(view));
        var loaded = Models.Load(Models.Save(ml, model)).Transform(data);
        Snapshot.AssertEqual(Snapshot.Of(view), Snapshot.Of(loaded));
    }

    // ---- Save and load ----

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void ALoadedModelHasTheSameSchemaAndValues(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(entry.Rows);
        var loaded = Models.Load(Models.Save(new MLContext(), Model(entry), data.Schema), out var schema, new MLContext());
        SchemaAssert.AreEqual(data.Schema, schema);
        foreach (var view in Views(entry))
        {
            SchemaAssert.AreEqual(Model(entry).GetOutputSchema(view.Schema), loaded.GetOutputSchema(view.Schema));
            SchemaAssert.AreEqual(Model(entry).Transform(view).Schema, loaded.Transform(view).Schema);
            AssertEqualInEveryActivation(Model(entry).Transform(view), loaded.Transform(view));
        }
        (loaded as IDisposable)?.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void SavingTwiceGivesTheSameStreamsAndLoadingThemAgainToo(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext();
        var first = new ModelZip(Models.Save(ml, Model(entry)));
        var second = new ModelZip(Models.Save(ml, Models.Load(first.ToArray())));
        CollectionAssert.AreEquivalent(first.Entries.Keys, second.Entries.Keys);
        foreach (var path in first.Entries.Keys)
        {
            CollectionAssert.AreEqual(first.Entries[path], second.Entries[path], path);
        }
    }

    // ---- Row by row ----

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.All), typeof(ConformanceEntries))]
    public void TheRowMapperHasTheSchemasOfTheTransformer(string name)
    {
        var entry = ConformanceEntries.Find(name);
        foreach (var data in Views(entry))
        {
            Assert.AreEqual(entry.IsRowScorer, Model(entry).IsRowToRowMapper);
            if (!entry.IsRowScorer)
            {
                var e = Must.Fail(() => Model(entry).GetRowToRowMapper(data.Schema));
                Must.Contain(e.Message, "PredictionEngine");
                continue;
            }
            var mapper = Model(entry).GetRowToRowMapper(data.Schema);
            Assert.AreSame(data.Schema, mapper.InputSchema);
            SchemaAssert.AreEqual(Model(entry).GetOutputSchema(data.Schema), mapper.OutputSchema);
            var outputs = mapper.OutputSchema.Where(column => IsOutput(data, column)).ToArray();
            CollectionAssert.AreEquivalent(entry.Inputs.ToArray(), mapper.GetDependencies(outputs).Select(column => column.Name).ToArray());
            Assert.IsEmpty(mapper.GetDependencies([]));
            CollectionAssert.AreEqual(new[] { data.Schema[0].Name }, mapper.GetDependencies([mapper.OutputSchema[0]]).Select(column => column.Name).ToArray());
            var other = entry.Data(1);
            using var cursor = other.GetRowCursor(other.Schema);
            Must.Fail<ArgumentOutOfRangeException>(() => mapper.GetRow(cursor, outputs));
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.RowScorers), typeof(ConformanceEntries))]
    public void TheRowMapperScoresAsTheViewDoes(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(40);
        var expected = Snapshot.Of(Model(entry).Transform(data));
        var mapper = Model(entry).GetRowToRowMapper(data.Schema);
        using var cursor = data.GetRowCursor(data.Schema);
        using var row = mapper.GetRow(cursor, mapper.OutputSchema);
        Assert.AreSame(mapper.OutputSchema, row.Schema);
        var cells = row.Schema.Select(column => Snapshot.Cell(row, column)).ToArray();
        var getId = row.GetIdGetter();
        foreach (var want in expected.Rows)
        {
            Assert.IsTrue(cursor.MoveNext());
            Assert.AreEqual(cursor.Position, row.Position);
            DataViewRowId id = default;
            getId(ref id);
            Assert.AreEqual(want.Id, id);
            for (var i = 0; i < cells.Length; i++)
            {
                Snapshot.AssertSame(want.Values[i]!, cells[i]()!, 1e-6, row.Schema[i].Name);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.RowScorers), typeof(ConformanceEntries))]
    public void APredictionEngineEqualsTransform(string name)
    {
        const int Rows = 1000;
        var entry = ConformanceEntries.Find(name);
        var data = entry.Data(Rows);
        var expected = Snapshot.Of(Model(entry).Transform(data), column => IsOutput(data, column));
        var actual = entry.Engine!(new MLContext(), Model(entry), Rows);
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < entry.Outputs.Count; i++)
            {
                Snapshot.AssertSame(expected.Rows[row].Values[data.Schema.Count + i]!, actual[row][i], 1e-6, $"Row {row}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.SequenceScorers), typeof(ConformanceEntries))]
    public void APredictionEngineIsRefused(string name)
    {
        var entry = ConformanceEntries.Find(name);
        Must.Fail(() => new MLContext().Model.CreatePredictionEngine<Nothing, Nothing>(Model(entry), entry.Data(1).Schema));
    }

    private sealed class Nothing;

    private static IEnumerable<TestView> Views(ConformanceEntry entry)
    {
        yield return entry.Data(entry.Rows);
        if (entry.TransformOnly is not null)
        {
            yield return entry.TransformOnly(60);
        }
    }

    /// <summary>All columns, the even ones, the odd ones, and each alone.</summary>
    private static void AssertEqualInEveryActivation(IDataView expected, IDataView actual)
    {
        var all = Snapshot.Of(expected);
        foreach (var active in Activations(actual.Schema))
        {
            Snapshot.AssertEqual(all, Snapshot.Of(actual, active));
        }
    }

    private static IEnumerable<Func<DataViewSchema.Column, bool>> Activations(DataViewSchema schema)
        => [_ => true, column => column.Index % 2 == 0, column => column.Index % 2 == 1, .. schema.Select(one => (Func<DataViewSchema.Column, bool>)(column => column.Index == one.Index))];
}

import type { Embedding, QuestionAnswering } from "edge-distil";
import { useEffect, useState } from "react";
import { Button, ScrollView, StyleSheet, Text, TextInput } from "react-native";
import { openBundle } from "./bundle";

// Where `edge-distil serve qa minilm` or a static host gives the bundles.
const HOST = process.env.EXPO_PUBLIC_BUNDLES ?? "http://localhost:8000/bundles/";
const PASSAGE = "The footbridge over the river Ammer was designed by Lotte Kern and opened in 1997.";
const SENTENCES = ["A ship sails on the sea.", "The film is charming.", "Bread is baked in the morning."];

interface Tasks {
  readonly answering: QuestionAnswering;
  readonly embedding: Embedding;
}

/** Asks a question of a passage, and finds the sentence that is nearest to the question. */
export default function App() {
  const [tasks, setTasks] = useState<Tasks>();
  const [question, setQuestion] = useState("Who designed the footbridge?");
  const [status, setStatus] = useState("Loading the models");

  useEffect(() => {
    const open = async (): Promise<void> => {
      const answering = await openBundle<QuestionAnswering>(`${HOST}qa/`, "qa", "int8");
      const embedding = await openBundle<Embedding>(`${HOST}minilm/`, "minilm", "int8");
      setTasks({ answering, embedding });
      setStatus("Ready");
    };
    open().catch((error: Error) => setStatus(error.message));
  }, []);

  const ask = (answering: QuestionAnswering) => answering.run(question, PASSAGE).then(({ text, score }) => `${text} (${score.toFixed(2)})`);
  const find = async (embedding: Embedding): Promise<string> => {
    const [row = []] = [...embedding.similarity([await embedding.encodeQuery(question)], await embedding.encode(SENTENCES))];
    const scores = [...row];
    return SENTENCES[scores.indexOf(Math.max(...scores))] ?? "";
  };
  const show = (work: Promise<string>): void => {
    work.then(setStatus, (error: Error) => setStatus(error.message));
  };

  return (
    <ScrollView contentContainerStyle={styles.page}>
      <Text style={styles.text}>{PASSAGE}</Text>
      <TextInput accessibilityLabel="Question" style={styles.text} value={question} onChangeText={setQuestion} />
      <Button title="Ask" disabled={!tasks} onPress={() => tasks && show(ask(tasks.answering))} />
      <Button title="Find the nearest sentence" disabled={!tasks} onPress={() => tasks && show(find(tasks.embedding))} />
      <Text accessibilityLiveRegion="polite" style={styles.text}>{status}</Text>
    </ScrollView>
  );
}

const styles = StyleSheet.create({ page: { gap: 16, padding: 24, paddingTop: 64 }, text: { fontSize: 18 } });
